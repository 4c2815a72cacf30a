//! Connections that hold their place and never finish a request.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// Clients that open a connection, send half a request, wait, and come again once they are cut.
pub(crate) struct Flood {
    /// Ends with it.
    _clients: JoinSet<()>,
    cuts: Arc<AtomicU64>,
}

impl Flood {
    /// As many clients, 200 of an address each, on addresses of the loopback network.
    pub(crate) fn start(server: SocketAddr, clients: u32) -> Self {
        let cuts = Arc::new(AtomicU64::new(0));
        let mut running = JoinSet::new();
        for number in 0..clients {
            let from =
                Ipv4Addr::new(127, 0, 1, 1 + u8::try_from(number / 200 % 250).expect("small"));
            let cuts = cuts.clone();
            running.spawn(async move {
                loop {
                    if let Ok(stream) = connect(from.into(), server).await {
                        hold(stream).await;
                    }
                    cuts.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            });
        }
        Self { _clients: running, cuts }
    }

    /// How often a client was refused or cut.
    pub(crate) fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::Relaxed)
    }
}

async fn connect(from: IpAddr, server: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(server).await
}

/// Sends half a head, and a byte more each second, until the server hangs up.
async fn hold(mut stream: TcpStream) {
    let mut answer = [0; 512];
    if stream.write_all(b"GET /api/v1/chains HTTP/1.1\r\nhost: x\r\nx-slow: ").await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            read = stream.read(&mut answer) => match read {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            },
            () = tokio::time::sleep(Duration::from_secs(1)) => {
                if stream.write_all(b"a").await.is_err() {
                    return;
                }
            }
        }
    }
}
