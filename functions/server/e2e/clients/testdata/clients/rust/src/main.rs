// Follows the lobby with reqwest-eventsource and prints each message's data.
use futures_util::StreamExt;
use reqwest_eventsource::{Event, EventSource};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let base = std::env::args().nth(1).expect("an address");
    let request = reqwest::Client::new().get(format!("{base}/stream?last_event_id=0-0"));
    let mut source = EventSource::new(request).expect("a request that can be repeated");
    while let Some(event) = source.next().await {
        // An error is a cut: the source comes back by itself.
        if let Ok(Event::Message(message)) = event {
            if message.event == "message" {
                println!("{}", message.data);
            }
        }
    }
}
