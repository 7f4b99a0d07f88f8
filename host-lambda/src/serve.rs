//! The local server: page and API on one port.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
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

use crate::failure::Failure;
use crate::http::{App, handle, refuse};

/// Longest wait for a request's head, and for the next piece of its body.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the rest of a refused body is read and thrown away, so that the client reads the refusal instead of
/// finding the connection closed while it still sends.
const DRAIN: Duration = Duration::from_secs(5);

/// How long requests in progress may take to end when the server is told to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// Serves until the process is told to stop (ctrl-c or SIGTERM). Prints the URL on standard output, and a line
/// for each request on standard error.
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
    // Whoever started this may not read standard output; that is no reason to stop.
    let _ = writeln!(io::stdout(), "serving on http://{address}");

    let connections = GracefulShutdown::new();
    let mut stop = std::pin::pin!(told_to_stop());
    loop {
        let stream = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Most likely out of file handles: some will be given back.
                    eprintln!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let app = Arc::clone(&app);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| answer(Arc::clone(&app), request)),
            );
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // A client that goes away is not an event.
            let _ = connection.await;
        });
    }
    drop(listener);
    eprintln!("stopping");
    if timeout(FAREWELL, connections.shutdown()).await.is_err() {
        eprintln!("some requests did not end in time");
    }
    Ok(())
}

async fn answer(
    app: Arc<App>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let start = Instant::now();
    let (head, body) = request.into_parts();
    let line = format!("{} {}", head.method, head.uri.path());
    let response = match read(&head.headers, body, app.module().limits().body_bytes).await {
        Ok(body) => handle(&app, Request::from_parts(head, body)).await,
        Err(failure) => {
            let mut response = refuse(&failure);
            // What is left of the body would be taken for the next request.
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
            response
        }
    };
    eprintln!(
        "{line} {} {} ms",
        response.status().as_u16(),
        start.elapsed().as_millis()
    );
    Ok(response.map(Full::new))
}

/// Reads a body up to a limit.
async fn read(headers: &HeaderMap, mut body: Incoming, limit: usize) -> Result<Bytes, Failure> {
    let too_large = || {
        Failure::new(
            "payload_too_large",
            format!("the request's body is larger than {limit} bytes"),
        )
    };
    if body.size_hint().lower() > limit as u64 {
        // Who asked first has not sent anything, and now will not.
        if !headers.contains_key(EXPECT) {
            drain(body).await;
        }
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    loop {
        match timeout(PATIENCE, body.frame()).await {
            Ok(None) => return Ok(bytes.freeze()),
            Ok(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    if bytes.len() + data.len() > limit {
                        drain(body).await;
                        return Err(too_large());
                    }
                    bytes.extend_from_slice(data);
                }
            }
            Ok(Some(Err(error))) => {
                return Err(Failure::new(
                    "bad_request",
                    format!("the body cannot be read: {error}"),
                ));
            }
            Err(_) => return Err(Failure::new("bad_request", "the body stopped coming")),
        }
    }
}

async fn drain(mut body: Incoming) {
    let _ = timeout(DRAIN, async {
        while let Some(Ok(_)) = body.frame().await {}
    })
    .await;
}

/// Waits for ctrl-c or SIGTERM.
async fn told_to_stop() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
