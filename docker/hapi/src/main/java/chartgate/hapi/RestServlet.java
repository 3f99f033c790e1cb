package chartgate.hapi;

import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.ValueSetOperationProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import org.springframework.context.ApplicationContext;

/** FHIR over HTTP at {@code /fhir}, in front of the storage. */
public class RestServlet extends RestfulServer {

    private static final long serialVersionUID = 1L;

    private final transient ApplicationContext context;

    RestServlet(ApplicationContext context) {
        this.context = context;
    }

    @Override
    protected void initialize() {
        IFhirSystemDao<?, ?> storage = context.getBean(IFhirSystemDao.class);
        setFhirContext(storage.getContext());
        setDefaultResponseEncoding(EncodingEnum.JSON);
        setPagingProvider(context.getBean(DatabaseBackedPagingProvider.class));
        registerProviders(context.getBean(ResourceProviderFactory.class).createProviders());
        registerProvider(context.getBean(IJpaSystemProvider.class));
        registerProvider(context.getBean(ValueSetOperationProvider.class));
        setServerConformanceProvider(capabilities(storage));
    }

    private JpaCapabilityStatementProvider capabilities(IFhirSystemDao<?, ?> storage) {
        JpaCapabilityStatementProvider statement = new JpaCapabilityStatementProvider(
                this,
                storage,
                context.getBean(JpaStorageSettings.class),
                context.getBean(ISearchParamRegistry.class),
                context.getBean(IValidationSupport.class));
        statement.setImplementationDescription("HAPI FHIR R4 behind the Chartgate sandbox: synthetic data only");
        return statement;
    }
}
