package shop;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** A service as the starter makes it, that is told to stop at once. */
@SpringBootApplication
@RestController
public class Shop {
    public static void main(String[] args) {
        SpringApplication.run(Shop.class, args);
    }

    @GetMapping("/")
    String fast() {
        return "ok\n";
    }

    @GetMapping("/slow")
    String slow() throws InterruptedException {
        Thread.sleep(2000);
        return "ok\n";
    }
}
