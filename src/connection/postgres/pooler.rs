//! Whether a pooler answers in the server's place, and whether it keeps sessions apart.
//!
//! A server announces the process that a session can be cancelled by, and it is the one that
//! `pg_backend_pid()` tells: the protocol says so (`BackendKeyData`). A pooler announces a
//! number of its own, so a direct connection is never taken for one. Nothing is set in a
//! session before this is known: in transaction mode a setting stays in a session that is
//! another client's next.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::io::{DuplexStream, ReadBuf, duplex};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::session::Session;

/// How often two sessions take turns. Where others use the pooler too, the first turns may by
/// chance look like sessions of one's own.
const ROUNDS: usize = 3;

/// A pooler without a session left for us keeps us waiting.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of a request to cancel: its length, its code, the process, the key.
const REQUEST: usize = 16;

/// What is wrong with a pooler, in words.
pub const SHARES: &str =
    "it gives no client a session of its own (pool_mode transaction or statement)";
/// A pooler that takes no settings with a connection.
pub const NO_OPTIONS: &str =
    "it does not pass on the settings that pg_dump and pg_restore are started with (PGOPTIONS)";
/// A pooler that could not be tried.
pub const NOT_KNOWN: &str =
    "it had no second session free, so whether it keeps sessions apart is not known";

/// The setting by which it is seen whether options arrive.
pub const PROBE: &str = "-c bookend.arrives=yes";

/// The process that this session was told to be cancelled by. The client keeps it to itself,
/// but sends it, over whatever stream it is given: here one that ends in this function.
pub async fn announced(client: &Client) -> Option<i32> {
    let (ours, mut theirs) = duplex(64);
    // The answer to the question for encryption, where it is asked.
    theirs.write_all(b"S").await.ok()?;
    let token = client.cancel_token();
    token.cancel_query_raw(ours, Aside).await.ok()?;
    let mut said = Vec::new();
    theirs.read_to_end(&mut said).await.ok()?;
    let request = said.get(said.len().checked_sub(REQUEST)?..)?;
    let process = request.get(8..12)?;
    Some(i32::from_be_bytes(process.try_into().ok()?))
}

/// Whether two sessions stay two, whatever each does. What cannot be done in them is no
/// session either.
pub async fn keeps_apart(first: &Session, second: &Session) -> bool {
    let own = (first.backend_pid(), second.backend_pid());
    let as_before = async || {
        let (Some(a), Some(b)) = (process(first).await, process(second).await) else {
            return false;
        };
        a != b && (a, b) == own
    };
    let turns = async {
        if !as_before().await {
            return false;
        }
        for _ in 0..ROUNDS {
            for holder in [first, second] {
                if holder.simple_query("BEGIN").await.is_err()
                    || !as_before().await
                    || holder.simple_query("COMMIT").await.is_err()
                    || !as_before().await
                {
                    return false;
                }
            }
        }
        true
    };
    tokio::time::timeout(PATIENCE, turns).await.unwrap_or(false)
}

/// Whether the session got what [`PROBE`] asks for.
pub async fn has_options(session: &Session) -> bool {
    let told = answer(
        session,
        "SELECT pg_catalog.current_setting('bookend.arrives', true)",
    );
    told.await.as_deref() == Some("yes")
}

/// The server's own port, as it tells, and its address if it has one that others can use.
pub async fn behind(session: &Session) -> (Option<String>, Option<String>) {
    let address = "SELECT pg_catalog.host(pg_catalog.inet_server_addr())";
    let port = "SELECT pg_catalog.current_setting('port')";
    let address = answer(session, address).await;
    let usable = |told: &String| {
        let parsed = told.parse::<std::net::IpAddr>();
        parsed.is_ok_and(|address| !address.is_loopback())
    };
    (address.filter(usable), answer(session, port).await)
}

async fn process(session: &Session) -> Option<i32> {
    let told = answer(session, "SELECT pg_catalog.pg_backend_pid()").await?;
    told.parse().ok()
}

async fn answer(session: &Session, question: &str) -> Option<String> {
    let messages = session.simple_query(question).await.ok()?;
    messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    })
}

/// "Encryption" of a stream that leads nowhere: none.
struct Aside;

impl TlsConnect<DuplexStream> for Aside {
    type Stream = Plain;
    type Error = io::Error;
    type Future = Ready<io::Result<Plain>>;

    fn connect(self, stream: DuplexStream) -> Self::Future {
        ready(Ok(Plain(stream)))
    }
}

struct Plain(DuplexStream);

impl TlsStream for Plain {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Plain {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Plain {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
