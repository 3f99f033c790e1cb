package chartgate.hapi;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.properties.EnableConfigurationProperties;

/** A HAPI FHIR R4 server for sandbox and tests; its settings are the HAPI_* variables of application.yaml. */
@SpringBootApplication
@EnableConfigurationProperties(HapiSettings.class)
public class HapiServer {

    public static void main(String[] arguments) {
        SpringApplication.run(HapiServer.class, arguments);
    }
}
