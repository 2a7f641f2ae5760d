//! The command line's grammar and its help texts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use headcount_model::Switches;

use crate::duration::Span;

/// SCIM 2.0 for your application: identity providers create, update, deactivate and group your
/// customers' people; your application learns of every change.
#[derive(Parser, Debug)]
#[command(
    name = "headcount",
    version,
    arg_required_else_help = false,
    after_help = "Start with `headcount serve`, then `headcount token create --tenant default`.\n\
                  Without a command, `headcount` serves."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Flags that every command takes.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct Global {
    /// Configuration file; otherwise ./headcount.toml, then /etc/headcount/headcount.toml, if there.
    #[arg(long, global = true, help_heading = "Options of every command", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the data is: sqlite:PATH or postgres://USER@HOST/DATABASE [default: sqlite:headcount.db]
    #[arg(long, global = true, help_heading = "Options of every command", value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// The URL under which identity providers reach the server [default: that of the server's last
    /// start, else http:// and the listen address]
    #[arg(long, global = true, help_heading = "Options of every command", value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// What is logged, e.g. info, debug, headcount=trace [default: info]
    #[arg(long, global = true, help_heading = "Options of every command", value_name = "FILTER")]
    pub(crate) log: Option<String>,
}

/// How results are printed.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Table,
    /// For scripts.
    Json,
}

/// The flag of every command that prints a result.
#[derive(Args, Debug, Clone, Copy, Default)]
pub(crate) struct Printed {
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Start the server.
    Serve(Serve),
    /// Make or update the database's tables, and the tenant `default` in a fresh database.
    Migrate {
        /// Index every resource anew, as is needed when this program folds names with other Unicode
        /// tables than the database was made with; stop all servers of the database before.
        #[arg(long)]
        reindex: bool,
    },
    /// Customers of the application.
    #[command(subcommand)]
    Tenant(Tenant),
    /// Identity providers of a tenant.
    #[command(subcommand)]
    Connection(Connection),
    /// Bearer tokens of a connection.
    #[command(subcommand)]
    Token(Token),
    /// Accounts.
    #[command(subcommand)]
    User(User),
    /// Who may sign in to the console.
    #[command(subcommand)]
    Admin(Admin),
    /// Configuration.
    #[command(subcommand)]
    Config(Config),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the generated documents.
    #[command(subcommand, hide = true)]
    Docs(Docs),
}

#[derive(Args, Debug, Default)]
pub(crate) struct Serve {
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    /// Folder of Schema and ResourceType documents (RFC 7643 sections 6 and 7) to serve beside User
    /// and Group; one document or a list of them in each .json file.
    #[arg(long, value_name = "DIR")]
    pub(crate) schemas: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Tenant {
    /// Make a tenant; it is entitled to provisioning unless told otherwise.
    Create {
        /// Short unique name: lower-case letters, digits, hyphens.
        slug: String,
        /// Name for people [default: the slug]
        #[arg(long)]
        name: Option<String>,
        /// DNS name at which /api/service/scim/ belongs to this tenant; may be repeated.
        #[arg(long = "host", value_name = "NAME")]
        hosts: Vec<String>,
        /// The tenant's plan does not include provisioning.
        #[arg(long)]
        not_entitled: bool,
        #[command(flatten)]
        printed: Printed,
    },
    /// List all tenants.
    List {
        #[command(flatten)]
        printed: Printed,
    },
    /// Show one tenant.
    Show {
        /// Slug or id.
        slug: String,
        #[command(flatten)]
        printed: Printed,
    },
    /// Change a tenant: name=TEXT, entitled=true|false, hosts=NAME,NAME.
    Set {
        /// Slug or id.
        slug: String,
        /// What to change.
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = pair)]
        pairs: Vec<(String, String)>,
        #[command(flatten)]
        printed: Printed,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum Connection {
    /// Make a connection; it is on unless told otherwise.
    Create {
        /// The tenant's slug or id.
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// The identity provider: generic, strict, okta, entra, onelogin, jumpcloud, google, ping,
        /// sailpoint, cyberark, authentik, keycloak or rauthy.
        #[arg(long, value_name = "NAME")]
        preset: String,
        /// Name for people [default: the identity provider's]
        #[arg(long)]
        name: Option<String>,
        /// Make it switched off: every call is refused.
        #[arg(long, conflicts_with = "shadow")]
        off: bool,
        /// Make it a rehearsal: calls are answered and recorded, nothing reaches the application.
        #[arg(long)]
        shadow: bool,
        #[command(flatten)]
        printed: Printed,
    },
    /// List connections.
    List {
        /// Only those of this tenant.
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        #[command(flatten)]
        printed: Printed,
    },
    /// Show one connection with every switch in force.
    Show {
        /// The connection's id.
        id: String,
        #[command(flatten)]
        printed: Printed,
    },
    /// Change a connection: state=off|shadow|on, name=TEXT, preset=NAME, or a switch such as
    /// identity_changes=follow; the value `preset` takes a switch back to the preset's own.
    #[command(after_help = switches())]
    Set {
        /// The connection's id.
        id: String,
        /// What to change.
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = pair)]
        pairs: Vec<(String, String)>,
        #[command(flatten)]
        printed: Printed,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum Token {
    /// Make a token. It is shown once.
    Create {
        /// The tenant's slug or id.
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// The connection's id [default: the tenant's only connection]
        #[arg(long, value_name = "ID")]
        connection: Option<String>,
        /// Name for people, e.g. who uses it.
        #[arg(long)]
        name: Option<String>,
        /// When it ends by itself: 90d, 12h, 1y [default: never]
        #[arg(long, value_name = "SPAN")]
        expires_in: Option<Span>,
        /// What it may do: scim:read, scim:write, or narrowed to a type as in scim:read:User; may
        /// be repeated [default: scim:read scim:write]
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        #[command(flatten)]
        printed: Printed,
    },
    /// List tokens: everything about them but the token.
    List {
        /// Only those of this tenant.
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        #[command(flatten)]
        printed: Printed,
    },
    /// Revoke a token: it is refused from the next request on.
    Revoke {
        /// The token's id (its 12 characters after `hc_`).
        id: String,
        #[command(flatten)]
        printed: Printed,
    },
    /// Make a new token like this one; the old one stays good for a while.
    Rotate {
        /// The token's id.
        id: String,
        /// How long the old one stays good; `0` revokes it at once.
        #[arg(long, value_name = "SPAN", default_value = "7d")]
        overlap: Overlap,
        #[command(flatten)]
        printed: Printed,
    },
}

/// The overlap of a rotation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Overlap {
    None,
    For(Span),
}

impl std::str::FromStr for Overlap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim_end_matches(|c: char| c.is_ascii_alphabetic()) == "0" {
            Ok(Self::None)
        } else {
            text.parse().map(Self::For)
        }
    }
}

#[derive(Subcommand, Debug)]
pub(crate) enum User {
    /// Import accounts of the application: SCIM Users, one JSON object a line.
    Import {
        /// The tenant's slug or id.
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// Identity providers may not take these accounts over.
        #[arg(long)]
        not_adoptable: bool,
        /// The file; `-` for standard input.
        file: PathBuf,
        #[command(flatten)]
        printed: Printed,
    },
    /// Export all accounts of a tenant to standard output: SCIM Users, one JSON object a line.
    Export {
        /// The tenant's slug or id.
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// Only the accounts that this identity provider owns.
        #[arg(long, value_name = "ID")]
        connection: Option<String>,
    },
}

#[derive(Subcommand, Debug)]
pub(crate) enum Admin {
    /// Make an administrator, and the one-time link by which they choose their password.
    Create {
        /// E-mail address; people sign in with it.
        email: String,
        /// Name for people.
        #[arg(long)]
        name: Option<String>,
        /// What they may do: everything in all tenants, everything about provisioning in one, or look.
        #[arg(long, value_enum)]
        role: Role,
        /// The tenant's slug or id; an admin needs one, a viewer without one sees all.
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        #[command(flatten)]
        printed: Printed,
    },
    /// List all administrators.
    List {
        #[command(flatten)]
        printed: Printed,
    },
    /// Print a one-time link by which an administrator sets a new password; earlier links are void,
    /// and the old password is good until the link is used.
    ResetPassword {
        /// E-mail address or id.
        email: String,
        #[command(flatten)]
        printed: Printed,
    },
    /// Sign an administrator out everywhere and let them in no more.
    Disable {
        /// E-mail address or id.
        email: String,
        #[command(flatten)]
        printed: Printed,
    },
    /// Let a disabled administrator in again.
    Enable {
        /// E-mail address or id.
        email: String,
        #[command(flatten)]
        printed: Printed,
    },
}

/// The role of an administrator.
#[derive(ValueEnum, Debug, Clone, Copy)]
pub(crate) enum Role {
    Operator,
    Admin,
    Viewer,
}

impl Role {
    /// The word that the role is known by.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Viewer => "viewer",
        }
    }
}

#[derive(Subcommand, Debug)]
pub(crate) enum Config {
    /// Check the configuration and print every value with its origin.
    Check {
        #[command(flatten)]
        serve: Serve,
        #[command(flatten)]
        printed: Printed,
    },
}

#[derive(ValueEnum, Debug, Clone, Copy)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Docs {
    /// One page for each preset, and the table of switches.
    Idp {
        #[arg(long)]
        dir: PathBuf,
    },
    /// The reference of the configuration.
    Config,
    /// The table of error answers.
    Errors,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

/// Every switch with its words, for the help of `connection set`.
fn switches() -> String {
    let width = Switches::ALL.iter().map(|info| info.key.len()).max().unwrap_or_default();
    let lines = Switches::ALL.iter().map(|info| format!("  {:width$}  {}", info.key, info.words.join(", ")));
    format!(
        "Switches and their values, the RFCs' own first (docs/idp/switches.md says what each decides):\n{}",
        lines.collect::<Vec<_>>().join("\n")
    )
}
