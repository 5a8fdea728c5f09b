//! Flags of the command that this one follows, `admin user token` of Pydio Cells: how that one finds its services.
//!
//! Scripts that still have them go on working; they are told what has taken their place.

use clap::Args;

/// What is taken and not heeded.
#[derive(Debug, Args)]
pub(crate) struct AncestorArgs {
    #[arg(long, value_name = "NAME", global = true, hide = true)]
    broker: Option<String>,

    #[arg(long = "broker_address", value_name = "ADDRESS", global = true, hide = true)]
    broker_address: Option<String>,

    #[arg(long = "registry_address", value_name = "ADDRESS", global = true, hide = true)]
    registry_address: Option<String>,

    #[arg(long = "registry_cluster_address", value_name = "ADDRESS", global = true, hide = true)]
    registry_cluster_address: Option<String>,

    #[arg(long = "registry_cluster_routes", value_name = "ROUTES", global = true, hide = true)]
    registry_cluster_routes: Option<String>,

    #[arg(long, value_name = "NAME", global = true, hide = true)]
    transport: Option<String>,

    #[arg(long = "transport_address", value_name = "ADDRESS", global = true, hide = true)]
    transport_address: Option<String>,
}

impl AncestorArgs {
    /// What to say of those that were given.
    pub(crate) fn warning(&self) -> Option<String> {
        let flags = [
            ("--broker", &self.broker),
            ("--broker_address", &self.broker_address),
            ("--registry_address", &self.registry_address),
            ("--registry_cluster_address", &self.registry_cluster_address),
            ("--registry_cluster_routes", &self.registry_cluster_routes),
            ("--transport", &self.transport),
            ("--transport_address", &self.transport_address),
        ];
        let given: Vec<_> =
            flags.iter().filter(|(_, value)| value.is_some()).map(|(flag, _)| *flag).collect();
        (!given.is_empty()).then(|| {
            let have = if given.len() == 1 { "has" } else { "have" };
            format!(
                "warning: {} of Pydio Cells {have} no effect here: --store (or TOKEN_STORE) says where tokens are kept",
                given.join(", ")
            )
        })
    }
}
