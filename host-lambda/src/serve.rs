//! The local server: page and API on one port.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, EXPECT, HeaderValue};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::app::App;
use crate::failure::Failure;
use crate::http as handler;

/// Longest wait for a request's head, and for the next piece of its body.
const PATIENCE: Duration = Duration::from_secs(30);

/// Longest time for a whole body: 64 MiB at 2 Mbit/s. A client that sends a byte now and then costs a connection
/// and no more, but not for ever.
const BODY_PATIENCE: Duration = Duration::from_secs(300);

/// How long the rest of a refused body is read and thrown away, so that the client reads the refusal instead of
/// finding the connection closed while it still sends.
const DRAIN: Duration = Duration::from_secs(5);

/// How long requests in progress may take to end when the server is told to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// Serves until the process is told to stop (ctrl-c or SIGTERM). Prints the URL on standard output; the log goes to
/// standard error.
///
/// # Errors
/// When the port cannot be had; the words say why.
pub async fn serve(app: Arc<App>, host: IpAddr, port: u16) -> Result<(), String> {
    let listener = TcpListener::bind(SocketAddr::new(host, port)).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {port} on {host} is taken by another program; choose another one with --port")
        }
        io::ErrorKind::PermissionDenied => {
            format!("port {port} is not free for everyone to use; choose one above 1023 with --port")
        }
        _ => format!("cannot listen on {host}, port {port}: {error}"),
    })?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let mut stop = std::pin::pin!(told_to_stop()); // before anybody is told that this runs
    // Whoever started this may not read standard output; that is no reason to stop.
    let _ = writeln!(io::stdout(), "serving on http://{address}");

    let bodies = Arc::new(AtomicUsize::new(0));
    let connections = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Most likely out of file handles: some will be given back.
                    app.log()
                        .error(&format!("cannot accept a connection: {error}"));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let (app, bodies) = (Arc::clone(&app), Arc::clone(&bodies));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| answer(Arc::clone(&app), Arc::clone(&bodies), request)),
            );
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // A client that goes away is not an event.
            let _ = connection.await;
        });
    }
    drop(listener);
    if timeout(FAREWELL, connections.shutdown()).await.is_err() {
        app.log().error("some requests did not end in time");
    }
    Ok(())
}

async fn answer(
    app: Arc<App>,
    bodies: Arc<AtomicUsize>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let start = Instant::now();
    let (head, body) = request.into_parts();
    let mut share = Share {
        all: bodies,
        most: app.limits().all_bodies_bytes,
        own: 0,
    };
    // Who may not call is told so before anything is read.
    let body = match handler::allow(&app, &head) {
        Ok(()) => read(&head.headers, body, app.limits().body_bytes, &mut share).await,
        Err(failure) => {
            discard(&head.headers, body).await;
            Err(failure)
        }
    };
    let unread = body.is_err();
    let mut response = handler::answer(&app, head, body, start).await;
    if unread {
        // What is left of the body would be taken for the next request.
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(Full::new))
}

/// A request's share of the memory for bodies; given back with the answer.
struct Share {
    all: Arc<AtomicUsize>,
    most: usize,
    own: usize,
}

impl Share {
    /// Whether there is room for so much more.
    fn grow(&mut self, bytes: usize) -> bool {
        self.own += bytes;
        self.all.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.most
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.fetch_sub(self.own, Ordering::Relaxed);
    }
}

/// Reads a body up to a limit.
async fn read(
    headers: &HeaderMap,
    mut body: Incoming,
    limit: usize,
    share: &mut Share,
) -> Result<Bytes, Failure> {
    let too_large = || {
        Failure::new(
            "payload_too_large",
            format!("the request's body is larger than {limit} bytes"),
        )
    };
    if body.size_hint().lower() > limit as u64 {
        discard(headers, body).await;
        return Err(too_large());
    }
    let deadline = Instant::now() + BODY_PATIENCE;
    let mut bytes = BytesMut::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match timeout(PATIENCE.min(left), body.frame()).await {
            Ok(None) => return Ok(bytes.freeze()),
            Ok(Some(Ok(frame))) => {
                let Some(data) = frame.data_ref() else {
                    continue;
                };
                if bytes.len() + data.len() > limit {
                    drain(body).await;
                    return Err(too_large());
                }
                if !share.grow(data.len()) {
                    drop(bytes);
                    drain(body).await;
                    return Err(Failure::new(
                        "busy",
                        "too many bodies are coming at once; try again in a moment",
                    ));
                }
                bytes.extend_from_slice(data);
            }
            Ok(Some(Err(error))) => {
                return Err(Failure::new(
                    "bad_request",
                    format!("the body cannot be read: {error}"),
                ));
            }
            Err(_) => return Err(Failure::new("cancelled", "the body stopped coming")),
        }
    }
}

/// Lets the rest of a refused body go by, unless the client asked first: then it has not sent anything, and now
/// will not.
async fn discard(headers: &HeaderMap, body: Incoming) {
    if !headers.contains_key(EXPECT) {
        drain(body).await;
    }
}

async fn drain(mut body: Incoming) {
    let _ = timeout(DRAIN, async {
        while let Some(Ok(_)) = body.frame().await {}
    })
    .await;
}

/// Ends when the process is told to stop, by ctrl-c or SIGTERM. It listens from this call on, not from when it is first
/// awaited: otherwise a signal that comes in between kills the process.
fn told_to_stop() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let (interrupt, terminate) = {
        use tokio::signal::unix::{SignalKind, signal};
        (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        )
    };
    async move {
        #[cfg(unix)]
        tokio::select! {
            () = received(interrupt) => {}
            () = received(terminate) => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits for a signal, for ever where it cannot be listened for.
#[cfg(unix)]
async fn received(signal: io::Result<tokio::signal::unix::Signal>) {
    match signal {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending::<()>().await,
    }
}
