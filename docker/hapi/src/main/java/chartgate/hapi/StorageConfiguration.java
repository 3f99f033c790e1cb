package chartgate.hapi;

import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.config.HapiJpaConfig;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.model.entity.StorageSettings.IndexEnabledEnum;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import jakarta.persistence.EntityManagerFactory;
import javax.sql.DataSource;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.autoconfigure.orm.jpa.JpaProperties;
import org.springframework.boot.web.servlet.ServletRegistrationBean;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Primary;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;

/**
 * HAPI's storage of R4 resources. Jobs, subscriptions and thread pools are imported although the sandbox uses none of
 * them: transactions, deletes and expunge are wired through them.
 */
@Configuration
@Import({
    JpaR4Config.class,
    HapiJpaConfig.class,
    ThreadPoolFactoryConfig.class,
    JpaBatch2Config.class,
    Batch2JobsConfig.class,
    SubscriptionChannelConfig.class
})
public class StorageConfiguration {

    @Bean
    JpaStorageSettings storageSettings(HapiSettings wanted) {
        JpaStorageSettings settings = new JpaStorageSettings();
        // A minute-old search result is HAPI's default answer to a repeated search: "look, then create" would
        // create twice.
        settings.setReuseCachedSearchResultsForMillis(null);
        settings.setEnforceReferentialIntegrityOnWrite(wanted.checkReferences());
        settings.setEnforceReferentialIntegrityOnDelete(wanted.checkReferences());
        settings.setAllowExternalReferences(wanted.foreignReferences());
        // Without this index ":missing" is answered 500.
        settings.setIndexMissingFields(IndexEnabledEnum.ENABLED);
        settings.setAllowContainsSearches(true);
        settings.setAllowMultipleDelete(true);
        settings.setExpungeEnabled(true);
        settings.setPreExpandValueSets(false);
        settings.setEnableTaskPreExpandValueSets(false);
        return settings;
    }

    @Bean
    PartitionSettings partitionSettings() {
        return new PartitionSettings();
    }

    @Bean
    SubscriptionSettings subscriptionSettings() {
        return new SubscriptionSettings();
    }

    /** In the place of Boot's own: HAPI brings its entities and Hibernate services along. */
    @Bean
    @Primary
    LocalContainerEntityManagerFactoryBean entityManagerFactory(
            ConfigurableListableBeanFactory beans,
            DataSource database,
            JpaProperties properties,
            FhirContext fhir,
            JpaStorageSettings settings) {
        LocalContainerEntityManagerFactoryBean factory =
                HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, fhir, settings);
        factory.setPersistenceUnitName("hapi");
        factory.setDataSource(database);
        factory.setJpaPropertyMap(properties.getProperties());
        return factory;
    }

    @Bean
    @Primary
    JpaTransactionManager transactionManager(EntityManagerFactory factory) {
        return new JpaTransactionManager(factory);
    }

    /**
     * The servlet is made by hand and asks the context for its parts when it is first initialised. As a bean it would
     * be built together with the web server, before Spring caches its look-ups by type, which costs seconds.
     */
    @Bean
    ServletRegistrationBean<RestServlet> restServlet(ApplicationContext context) {
        ServletRegistrationBean<RestServlet> registration =
                new ServletRegistrationBean<>(new RestServlet(context), "/fhir/*");
        registration.setLoadOnStartup(1);
        return registration;
    }
}
