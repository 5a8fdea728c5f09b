//! The image of the containers: the one in `docker-compose.yml`; the same variable selects another.

use std::env;
use std::fmt;
use std::time::Duration;

use testcontainers::bollard::Docker;
use testcontainers::core::client::docker_client_instance;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerRequest, GenericImage};
use tokio::time::timeout;

use super::engine;

const COMPOSE: &str = include_str!("../../../docker-compose.yml");
/// How long the engine may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How long it may take to fetch the image.
const FETCHING: Duration = Duration::from_secs(120);

/// The name of an image that the engine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    repository: String,
    tag: String,
}

impl Image {
    /// Looks for the image in the engine, which fetches it if it can.
    ///
    /// # Errors
    /// There is no engine or no image; the text says which, and why.
    pub async fn find() -> Result<Self, String> {
        let name = env::var("REDIS_IMAGE").ok().filter(|name| !name.is_empty());
        let image = Self::parse(&name.unwrap_or_else(by_default));
        engine::run(async move || {
            let asked = timeout(ANSWER, image.is_there()).await;
            let no_answer = |_| Err(format!("the Docker engine did not answer within {ANSWER:?}"));
            if !asked.unwrap_or_else(no_answer)? {
                image.fetch().await?;
            }
            Ok(image)
        })
        .await
    }

    /// Parses `REPOSITORY[:TAG]`.
    fn parse(name: &str) -> Self {
        // A colon before the last slash belongs to a host.
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, tag),
            _ => (name, "latest"),
        };
        Self { repository: repository.to_owned(), tag: tag.to_owned() }
    }

    async fn is_there(&self) -> Result<bool, String> {
        let no_engine = |error: &dyn fmt::Display| format!("no Docker engine answers ({error})");
        let engine: Docker = docker_client_instance().await.map_err(|error| no_engine(&error))?;
        engine.ping().await.map_err(|error| no_engine(&error))?;
        Ok(engine.inspect_image(&self.to_string()).await.is_ok())
    }

    async fn fetch(&self) -> Result<(), String> {
        let fetched = timeout(FETCHING, self.request().pull_image()).await;
        let why = match fetched {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it took longer than {FETCHING:?}"),
        };
        Err(format!("the Docker engine has no image {self} and cannot fetch it ({why})"))
    }

    /// A request for a container of this image, to be completed by the caller.
    pub(super) fn request(&self) -> ContainerRequest<GenericImage> {
        GenericImage::new(&self.repository, &self.tag).into()
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

/// The default image.
fn by_default() -> String {
    let behind = COMPOSE.split_once("${REDIS_IMAGE:-").expect("docker-compose.yml names an image").1;
    behind.split_once('}').expect("its name ends").0.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_the_one_of_the_compose_file() {
        assert!(COMPOSE.contains(&format!("image: &redis ${{REDIS_IMAGE:-{}}}\n", by_default())));
    }

    #[test]
    fn a_name_may_have_a_tag_and_a_host_with_a_port() {
        for (name, whole) in [
            ("redis", "redis:latest"),
            ("redis:7.2", "redis:7.2"),
            ("host:5000/some/redis", "host:5000/some/redis:latest"),
            ("host:5000/some/redis:7.2", "host:5000/some/redis:7.2"),
        ] {
            assert_eq!(Image::parse(name).to_string(), whole);
        }
    }
}
