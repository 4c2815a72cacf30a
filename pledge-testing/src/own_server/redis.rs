//! How a Redis is started.

use std::path::Path;
use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::program;

pub(super) fn command(folder: &Path, port: u16) -> Command {
    let mut command = Command::new(program("redis-server", "redis-server"));
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.arg("--dir").arg(folder);
    command.args(["--save", "", "--appendonly", "no"]);
    command
}

pub(super) async fn answers(address: &str, folder: &Path) -> bool {
    let Ok(mut connection) = TcpStream::connect(address).await else { return false };
    if connection.write_all(b"CONFIG GET dir\r\nQUIT\r\n").await.is_err() {
        return false;
    }
    let mut answer = String::new();
    let read = connection.read_to_string(&mut answer).await;
    let folder = folder.to_string_lossy();
    read.is_ok() && answer.lines().any(|line| line == folder)
}
