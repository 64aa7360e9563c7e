import com.launchdarkly.eventsource.ConnectStrategy;
import com.launchdarkly.eventsource.ErrorStrategy;
import com.launchdarkly.eventsource.EventSource;
import com.launchdarkly.eventsource.MessageEvent;
import com.launchdarkly.eventsource.RetryDelayStrategy;
import jakarta.ws.rs.client.ClientBuilder;
import jakarta.ws.rs.sse.SseEventSource;
import java.net.URI;
import java.util.concurrent.TimeUnit;

/** Follows the lobby with a client that others wrote, and prints each message's data: Follow <client> <address> */
public class Follow {
    public static void main(String[] args) throws Exception {
        String stream = args[1] + "/stream?last_event_id=0-0";
        if (args[0].equals("jersey")) {
            byJersey(stream);
        } else {
            byOkHttp(stream);
        }
    }

    static void byOkHttp(String stream) {
        var source = new EventSource.Builder(ConnectStrategy.http(URI.create(stream)))
            .errorStrategy(ErrorStrategy.alwaysContinue()) // a cut is an error: come back
            .retryDelayStrategy(RetryDelayStrategy.defaultStrategy().backoffMultiplier(1)) // as soon as the server wants it
            .build();
        for (MessageEvent event : source.messages()) {
            print(event.getEventName(), event.getData());
        }
    }

    static void byJersey(String stream) throws InterruptedException {
        var source = SseEventSource.target(ClientBuilder.newClient().target(stream))
            .reconnectingEvery(20, TimeUnit.MILLISECONDS)
            .build();
        source.register(event -> print(event.getName(), event.readData()));
        source.open();
        Thread.sleep(Long.MAX_VALUE);
    }

    static void print(String name, String data) {
        if (name == null || name.equals("message")) {
            System.out.println(data);
        }
    }
}
