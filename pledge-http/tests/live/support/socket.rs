//! A client of `/ws` that writes the frames itself, so that it can write wrong ones too.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::soon;

pub(crate) const TEXT: u8 = 1;
pub(crate) const CLOSE: u8 = 8;

/// A frame of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The code of a close frame.
    pub(crate) fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk().copied().map(u16::from_be_bytes);
        code.filter(|_| self.opcode == CLOSE)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).expect("messages are JSON")
    }
}

/// An open socket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) stream: TcpStream,
}

impl Socket {
    /// Opens one; the status and the body of the answer where that is refused.
    pub(crate) async fn open(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, (u16, Value)> {
        let mut stream = TcpStream::connect(address).await.expect("the server listens");
        let headers: String =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("a request can be sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon("a head", stream.read_u8()).await.expect("a head"));
        }
        let head = String::from_utf8(head).expect("a head is text");
        let status: u16 =
            head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        if status == 101 {
            // RFC 6455, 1.3: the answer to that key.
            assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
            return Ok(Self { stream });
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|length| length.parse().ok()).expect("a length");
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.expect("a body");
        Err((status, serde_json::from_slice(&body).expect("a problem document")))
    }

    /// Sends a frame with a first byte of any form, masked as a client has to.
    pub(crate) async fn send_raw(&mut self, first: u8, payload: &[u8]) {
        const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
        let mut frame = vec![first];
        let length = payload.len();
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short @ ..=125), _) => frame.push(0x80 | short),
            (_, Ok(medium)) => {
                frame.push(0x80 | 126);
                frame.extend(medium.to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        // A server that closes at the first byte may refuse the rest.
        let _ = self.stream.write_all(&frame).await;
    }

    /// Sends a whole text.
    pub(crate) async fn send(&mut self, text: &str) {
        self.send_raw(0x80 | TEXT, text.as_bytes()).await;
    }

    /// The next frame; `None` at the end of the connection.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        soon("a frame", self.read()).await
    }

    async fn read(&mut self) -> Option<Frame> {
        let stream = &mut self.stream;
        let first = stream.read_u8().await.ok()?;
        assert_eq!(first & 0xf0, 0x80, "a server sends whole messages without extensions");
        let second = stream.read_u8().await.ok()?;
        assert_eq!(second & 0x80, 0, "a server masks nothing");
        let length: usize = match second {
            126 => stream.read_u16().await.ok()?.into(),
            127 => stream.read_u64().await.ok()?.try_into().expect("a length"),
            short => short.into(),
        };
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await.ok()?;
        Some(Frame { opcode: first & 0x0f, payload })
    }

    /// The next message of a type; others and pings are dropped.
    pub(crate) async fn message(&mut self, r#type: &str) -> Value {
        loop {
            let frame = self.frame().await.unwrap_or_else(|| panic!("no {type} before the end"));
            assert_ne!(frame.opcode, CLOSE, "{}", String::from_utf8_lossy(&frame.payload));
            if frame.opcode == TEXT && frame.json()["type"] == r#type {
                return frame.json();
            }
        }
    }

    /// The close frame; what comes before it is dropped.
    pub(crate) async fn closed(&mut self) -> Frame {
        loop {
            let frame = self.frame().await.expect("a close frame before the end");
            if frame.opcode == CLOSE {
                return frame;
            }
        }
    }

    /// Follows topics.
    pub(crate) async fn subscribe(&mut self, topics: &[&str]) -> Value {
        let message = serde_json::json!({ "op": "subscribe", "topics": topics, "request": 1 });
        self.send(&message.to_string()).await;
        self.message("subscribed").await
    }
}
