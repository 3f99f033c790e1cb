package chartgate.hapi;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * What the starting process may choose.
 *
 * @param checkReferences a reference must point to a resource that exists, and what is referred to is not deleted
 * @param foreignReferences absolute references to other servers are stored as they are
 * @param readyFile written with the port once requests are answered; empty for none
 * @param endWithInput stop when standard input ends, that is, when the process that started this one is gone
 */
@ConfigurationProperties("chartgate.hapi")
public record HapiSettings(
        @DefaultValue("true") boolean checkReferences,
        @DefaultValue("false") boolean foreignReferences,
        @DefaultValue("") String readyFile,
        @DefaultValue("false") boolean endWithInput) {}
