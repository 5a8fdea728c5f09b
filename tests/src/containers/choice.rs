//! Chooses between containers and processes, and prints the choice and its reason to standard error.

use std::env;
use std::io::{Write, stderr};

use super::image::Image;

/// The environment variable that forces `containers` or `processes`.
const FORCED: &str = "TOKEN_TEST_SERVERS";

/// How servers are started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// In containers of this image.
    Containers(Image),
    /// As processes of this machine.
    Processes,
}

/// Containers if an engine has the image or can fetch it, else processes. `TOKEN_TEST_SERVERS` forces either.
///
/// # Panics
/// Containers are forced and there is no engine or no image, or the variable has another value.
pub async fn choose() -> Way {
    let way = match env::var(FORCED).unwrap_or_default().as_str() {
        "processes" => Err(format!("{FORCED} says so")),
        "containers" => match Image::find().await {
            Ok(image) => Ok(image),
            Err(why) => panic!("{FORCED} asks for containers, but {why}"),
        },
        "" => match out_of_reach() {
            Some(why) => Err(why),
            None => Image::find().await,
        },
        other => panic!("{FORCED} is {other:?}; write containers or processes, or leave it out"),
    };
    match way {
        Ok(image) => {
            say(&format!("in a container of {image}"));
            Way::Containers(image)
        }
        Err(why) => {
            say(&format!("on processes of this machine: {why}"));
            Way::Processes
        }
    }
}

/// Why the ports of a container would not be on the loopback of this machine.
fn out_of_reach() -> Option<String> {
    let host = env::var("DOCKER_HOST").unwrap_or_default();
    let local = ["unix:", "npipe:", "tcp://127.0.0.1:", "tcp://localhost:"];
    let is_local = host.is_empty() || local.iter().any(|start| host.starts_with(start));
    (!is_local).then(|| format!("the Docker engine at {host} is not of this machine"))
}

fn say(how: &str) {
    // Ignore the error of a closed standard error.
    let _ = writeln!(stderr(), "these tests run {how}");
}
