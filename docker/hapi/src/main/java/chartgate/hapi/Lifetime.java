package chartgate.hapi;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.boot.web.servlet.context.ServletWebServerApplicationContext;
import org.springframework.context.event.EventListener;
import org.springframework.stereotype.Component;

/** Tells the process that started this one when it may send requests, and does not outlive it. */
@Component
class Lifetime {

    private final HapiSettings settings;
    private final ServletWebServerApplicationContext context;

    Lifetime(HapiSettings settings, ServletWebServerApplicationContext context) {
        this.settings = settings;
        this.context = context;
        if (settings.endWithInput()) {
            Thread watcher = new Thread(Lifetime::exitAtEndOfInput, "end-with-input");
            watcher.setDaemon(true);
            watcher.start();
        }
    }

    @EventListener(ApplicationReadyEvent.class)
    void announce() throws IOException {
        if (settings.readyFile().isBlank()) {
            return;
        }
        Path file = Path.of(settings.readyFile()).toAbsolutePath();
        Path half = file.resolveSibling(file.getFileName() + ".half");
        Files.writeString(half, String.valueOf(context.getWebServer().getPort()));
        Files.move(half, file, StandardCopyOption.ATOMIC_MOVE); // a reader sees all of it or nothing
    }

    private static void exitAtEndOfInput() {
        try (InputStream input = System.in) {
            while (input.read() >= 0) {
                continue; // what is said there does not matter, only that somebody is left to say it
            }
        } catch (IOException gone) {
            // a broken pipe means the same as its end
        }
        System.exit(0); // runs the shutdown hooks, which close the database
    }
}
