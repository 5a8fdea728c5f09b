//! `RedisStore` as the role that does everything, on servers that let nobody in who does not log in.

use token_redis::{Namespace, Tls};

use super::Rig;
use super::redis::{RedisRig, new_namespace};
use crate::runner::Topology;
use crate::servers::{Cluster, Roles, Server, Standalone};

/// One server, on which the store is `admin` and the hands of the rig are not.
#[derive(Debug)]
pub struct StandaloneRoles(Standalone);

impl Topology for StandaloneRoles {
    const NAME: &'static str = "redis_roles";

    async fn start() -> Self {
        Self(Standalone::start_with_roles().await)
    }

    async fn rig(&self) -> Box<dyn Rig> {
        let namespace = new_namespace();
        let user = admin_of(&namespace, [&*self.0]).await;
        let (url, hands) = (self.0.url_as(&user), self.0.connection().await);
        Box::new(RedisRig::open(namespace, &url, hands, Tls::default()).await)
    }
}

/// A cluster, on which the store is `admin` and the hands of the rig are not.
#[derive(Debug)]
pub struct ClusterRoles(Cluster);

impl Topology for ClusterRoles {
    const NAME: &'static str = "redis_cluster_roles";

    async fn start() -> Self {
        Self(Cluster::start_with_roles().await)
    }

    async fn rig(&self) -> Box<dyn Rig> {
        let namespace = new_namespace();
        let user = admin_of(&namespace, self.0.nodes()).await;
        let (url, hands) = (self.0.url_as(&user), self.0.connection().await);
        Box::new(RedisRig::open(namespace, &url, hands, Tls::default()).await)
    }
}

/// A user who is to this namespace, and to no other, what `admin` is to `tok`: a trial that leaves its namespace fails.
async fn admin_of(namespace: &Namespace, nodes: impl IntoIterator<Item = &Server>) -> String {
    let user = format!("admin-{namespace}");
    let line = Roles::line("admin").replace("~tok:*", &format!("~{namespace}:*"));
    let (_, rules) = line.split_once(" admin ").expect("the line begins with \"user admin\"");
    let password = format!(">{}", Roles::password(&user));
    let words = ["ACL", "SETUSER", &user].into_iter().chain(rules.split(' ')).chain([&*password]);
    let words: Vec<&str> = words.collect();
    for node in nodes {
        node.command::<()>(&words).await;
    }
    user
}
