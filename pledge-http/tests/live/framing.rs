//! Frames as RFC 6455 has them, and as it forbids them: the cases of sections 1 to 7 of the Autobahn suite
//! that matter to a server that answers text.

use crate::support::{Frame, Place, Server, Socket};

const PING: &str = r#"{"op":"ping","request":1}"#;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING_FRAME: u8 = 9;
const PONG_FRAME: u8 = 10;
const FIN: u8 = 0x80;

async fn opened() -> (Server, Socket) {
    let server = Place::new().await.serve().await;
    let socket = server.socket().await;
    (server, socket)
}

/// The code with which the server closes after these frames, and that it closes the connection then.
async fn closes(frames: &[(u8, &[u8])]) -> Option<u16> {
    let (_server, mut socket) = opened().await;
    for (first, payload) in frames {
        socket.send_raw(*first, payload).await;
    }
    let code = socket.closed().await.close_code();
    let _ = socket.send_raw(FIN | CLOSE, &1000_u16.to_be_bytes()).await;
    assert_eq!(socket.frame().await, None, "the connection ends");
    code
}

async fn is_alive(socket: &mut Socket) {
    socket.send(PING).await;
    assert_eq!(socket.message("pong").await["request"], 1);
}

#[tokio::test]
async fn a_text_of_any_number_of_fragments_is_one_message() {
    let (_server, mut socket) = opened().await;
    let bytes = PING.as_bytes();
    socket.send_raw(TEXT, &bytes[..5]).await;
    for byte in &bytes[5..bytes.len() - 1] {
        socket.send_raw(CONTINUATION, std::slice::from_ref(byte)).await;
    }
    socket.send_raw(FIN | CONTINUATION, &bytes[bytes.len() - 1..]).await;
    assert_eq!(socket.message("pong").await["request"], 1);
}

#[tokio::test]
async fn a_ping_between_fragments_is_answered_before_the_message() {
    let (_server, mut socket) = opened().await;
    let (begin, end) = PING.as_bytes().split_at(7);
    socket.send_raw(TEXT, begin).await;
    socket.send_raw(FIN | PING_FRAME, b"between").await;
    let pong = Frame { opcode: PONG_FRAME, payload: b"between".to_vec() };
    assert_eq!(socket.frame().await, Some(pong));
    socket.send_raw(FIN | CONTINUATION, end).await;
    assert_eq!(socket.message("pong").await["request"], 1);
}

#[tokio::test]
async fn a_ping_of_125_bytes_is_answered_with_the_same_and_one_of_126_closes() {
    let (_server, mut socket) = opened().await;
    for payload in [&b""[..], b"\x00\xff\xfe", &[0x41; 125]] {
        socket.send_raw(FIN | PING_FRAME, payload).await;
        let pong = Frame { opcode: PONG_FRAME, payload: payload.to_vec() };
        assert_eq!(socket.frame().await, Some(pong));
    }
    assert_eq!(closes(&[(FIN | PING_FRAME, &[0x41; 126])]).await, Some(1002));
}

#[tokio::test]
async fn a_pong_that_nobody_asked_for_changes_nothing() {
    let (_server, mut socket) = opened().await;
    socket.send_raw(FIN | PONG_FRAME, b"unasked").await;
    is_alive(&mut socket).await;
}

#[tokio::test]
async fn reserved_bits_and_opcodes_close_with_1002() {
    for bit in [0x40, 0x20, 0x10, 0x70] {
        assert_eq!(closes(&[(FIN | bit | TEXT, b"{}")]).await, Some(1002), "bit {bit:x}");
    }
    for opcode in [3, 4, 7, 11, 15] {
        assert_eq!(closes(&[(FIN | opcode, b"")]).await, Some(1002), "opcode {opcode}");
    }
}

#[tokio::test]
async fn fragments_out_of_order_close_with_1002() {
    let nothing_began: &[(u8, &[u8])] = &[(FIN | CONTINUATION, b"x")];
    let second_begins: &[(u8, &[u8])] = &[(TEXT, b"x"), (FIN | TEXT, b"y")];
    let split_control: &[(u8, &[u8])] = &[(PING_FRAME, b"x")];
    for frames in [nothing_began, second_begins, split_control] {
        assert_eq!(closes(frames).await, Some(1002), "{frames:?}");
    }
}

#[tokio::test]
async fn a_text_that_is_not_utf_8_closes_with_1007() {
    let cut: &[(u8, &[u8])] = &[(TEXT, b"\xce\xba"), (FIN | CONTINUATION, b"\xe1\xbd")];
    assert_eq!(closes(cut).await, Some(1007));
    for wrong in [&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ok \xce"] {
        assert_eq!(closes(&[(FIN | TEXT, wrong)]).await, Some(1007), "{wrong:x?}");
    }
}

#[tokio::test]
async fn a_character_may_be_split_between_fragments() {
    let (_server, mut socket) = opened().await;
    socket.send_raw(TEXT, b"{\"op\":\"ping\",\"request\":\"\xce").await;
    socket.send_raw(FIN | CONTINUATION, b"\xba\"}").await;
    assert_eq!(socket.message("pong").await["request"], "\u{3ba}");
}

#[tokio::test]
async fn a_binary_message_closes_with_1003() {
    assert_eq!(closes(&[(FIN | BINARY, b"{}")]).await, Some(1003));
}

#[tokio::test]
async fn a_close_is_answered_with_its_code_and_a_wrong_one_with_1002() {
    for code in [1000_u16, 1001, 1003, 1007, 1011, 3000, 3999, 4000, 4999] {
        let sent = code.to_be_bytes();
        assert_eq!(closes(&[(FIN | CLOSE, &sent)]).await, Some(code));
    }
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999] {
        let sent = code.to_be_bytes();
        assert_eq!(closes(&[(FIN | CLOSE, &sent)]).await, Some(1002), "{code}");
    }
    assert_eq!(closes(&[(FIN | CLOSE, b"x")]).await, Some(1002), "half a code");
    assert_eq!(closes(&[(FIN | CLOSE, b"\x03\xe8\xff")]).await, Some(1007), "no text");
    assert_eq!(closes(&[(FIN | CLOSE, &[0x03; 126])]).await, Some(1002), "126 bytes");
}

#[tokio::test]
async fn a_close_without_a_code_is_answered() {
    let (_server, mut socket) = opened().await;
    socket.send_raw(FIN | CLOSE, b"").await;
    assert_eq!(socket.closed().await.close_code(), None);
    assert_eq!(socket.frame().await, None);
}

#[tokio::test]
async fn a_message_as_large_as_may_be_is_read_and_one_byte_more_closes_with_1009() {
    let most = 64 << 10;
    let (_server, mut socket) = opened().await;
    let padded = format!("{PING}{}", " ".repeat(most - PING.len()));
    socket.send(&padded).await;
    assert_eq!(socket.message("pong").await["request"], 1);
    let more = vec![b' '; most + 1];
    assert_eq!(closes(&[(FIN | TEXT, &more)]).await, Some(1009));
    let half = vec![b' '; most / 2 + 1];
    assert_eq!(closes(&[(TEXT, &half), (FIN | CONTINUATION, &half)]).await, Some(1009));
}

#[tokio::test]
async fn a_frame_of_a_megabyte_closes_with_1009_before_it_is_read() {
    let (server, mut socket) = opened().await;
    let huge = vec![b' '; 1 << 20];
    socket.send_raw(FIN | TEXT, &huge).await;
    // The client may still be writing when the server has closed.
    if let Some(frame) = socket.frame().await {
        assert_eq!(frame.close_code(), Some(1009));
    }
    drop(socket);
    server.until_readers(0).await;
}

#[tokio::test]
async fn a_frame_that_is_not_masked_closes_with_1002() {
    use tokio::io::AsyncWriteExt;
    let (_server, mut socket) = opened().await;
    socket.stream.write_all(&[FIN | TEXT, 2, b'{', b'}']).await.unwrap();
    assert_eq!(socket.closed().await.close_code(), Some(1002));
}
