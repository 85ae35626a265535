package probe;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.web.servlet.context.ServletWebServerInitializedEvent;
import org.springframework.context.event.EventListener;

/** An application with the probe; the profile jdbc shares sessions in a database. */
@SpringBootApplication
public class Application {
    public static void main(String[] args) { SpringApplication.run(Application.class, args); }

    @EventListener void ready(ServletWebServerInitializedEvent e) {
        System.out.println("listening on 127.0.0.1:" + e.getWebServer().getPort());
    }
}
