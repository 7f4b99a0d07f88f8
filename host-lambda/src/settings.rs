//! Every setting of the service, in one place: environment variables that begin with `CHECKBOX_`.
//!
//! An empty variable is one that is not set, because deployment templates cannot leave a variable out. A name that
//! is not listed here is refused: a misspelt `CHECKBOX_API_KEYS` would leave the service open.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

/// What all names begin with.
const PREFIX: &str = "CHECKBOX_";

/// The folder with the module; read by `main`, listed here so that it is known.
pub const MODULE_DIR: &str = "CHECKBOX_MODULE_DIR";
/// Threshold where a request names none.
pub const CONF: &str = "CHECKBOX_CONF";
/// Pictures worked on side by side.
pub const CONCURRENCY: &str = "CHECKBOX_CONCURRENCY";
/// Requests that may wait for their turn.
pub const QUEUE: &str = "CHECKBOX_QUEUE";
/// Pictures in one request.
pub const MAX_BATCH: &str = "CHECKBOX_MAX_BATCH";
/// Keys that callers over HTTP show.
pub const API_KEYS: &str = "CHECKBOX_API_KEYS";
/// Key of tokens signed with HS256.
pub const JWT_SECRET: &str = "CHECKBOX_JWT_SECRET";
/// Public keys of tokens signed with RS256.
pub const JWT_JWKS_FILE: &str = "CHECKBOX_JWT_JWKS_FILE";
/// The `iss` that tokens must have.
pub const JWT_ISSUER: &str = "CHECKBOX_JWT_ISSUER";
/// The `aud` that tokens must have.
pub const JWT_AUDIENCE: &str = "CHECKBOX_JWT_AUDIENCE";
/// Sites whose pages may call.
pub const CORS_ORIGINS: &str = "CHECKBOX_CORS_ORIGINS";
/// Where results of S3 objects are written.
pub const S3_OUTPUT_PREFIX: &str = "CHECKBOX_S3_OUTPUT_PREFIX";
/// Whether the annotated picture is written too.
pub const S3_ANNOTATE: &str = "CHECKBOX_S3_ANNOTATE";
/// How much is logged.
pub const LOG_LEVEL: &str = "CHECKBOX_LOG_LEVEL";
/// How it is logged.
pub const LOG_FORMAT: &str = "CHECKBOX_LOG_FORMAT";
/// CloudWatch namespace of the metrics.
pub const METRICS_NAMESPACE: &str = "CHECKBOX_METRICS_NAMESPACE";

/// All of them, in the order of the table in README.md.
pub const NAMES: [&str; 16] = [
    MODULE_DIR,
    CONF,
    CONCURRENCY,
    QUEUE,
    MAX_BATCH,
    API_KEYS,
    JWT_SECRET,
    JWT_JWKS_FILE,
    JWT_ISSUER,
    JWT_AUDIENCE,
    CORS_ORIGINS,
    S3_OUTPUT_PREFIX,
    S3_ANNOTATE,
    LOG_LEVEL,
    LOG_FORMAT,
    METRICS_NAMESPACE,
];

/// Where results of S3 objects go unless told otherwise.
const DEFAULT_PREFIX: &str = "checkboxes/";
/// Namespace of the metrics on Lambda unless told otherwise.
const DEFAULT_NAMESPACE: &str = "CheckboxDetector";

/// What the service was told. `None` is left to the part that uses it.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Threshold where a request names none, 0 to 1; else the module's own.
    pub conf: Option<f64>,
    /// Pictures worked on side by side; else the number of cores.
    pub concurrency: Option<usize>,
    /// Requests that may wait for their turn.
    pub queue: Option<usize>,
    /// Pictures in one request.
    pub max_batch: Option<usize>,
    /// Who may call.
    pub access: Access,
    /// Sites whose pages may call, as browsers name them: `https://example.org`.
    pub cors_origins: Vec<String>,
    /// Where results of S3 objects go: the beginning of their keys.
    pub s3_output_prefix: String,
    /// Whether the annotated picture of an S3 object is written too.
    pub s3_annotate: bool,
    /// How much is logged.
    pub log_level: Level,
    /// How it is logged.
    pub log_format: Format,
    /// CloudWatch namespace of the metrics; `None`: no metrics.
    pub metrics_namespace: Option<String>,
}

/// Who may call over HTTP. Nothing set: everyone.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// Keys, any of which opens.
    pub api_keys: Vec<String>,
    /// Key of tokens signed with HS256.
    pub jwt_secret: Option<String>,
    /// JSON Web Key Set with the public keys of tokens signed with RS256.
    pub jwks_file: Option<PathBuf>,
    /// The `iss` that tokens must have.
    pub issuer: Option<String>,
    /// The `aud` that tokens must have.
    pub audience: Option<String>,
}

/// Secrets are not shown.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("api_keys", &self.api_keys.len())
            .field("jwt_secret", &self.jwt_secret.is_some())
            .field("jwks_file", &self.jwks_file)
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish()
    }
}

/// How much is logged: a level shows itself and those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    Off,
    /// Faults of the service.
    Error,
    /// Also requests that were refused.
    Warn,
    /// Also every other request.
    Info,
}

/// How it is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A line for people.
    Text,
    /// A JSON object on each line.
    Json,
}

impl Settings {
    /// The settings of a service on this machine, from its environment.
    ///
    /// # Errors
    /// In words, when a name or a value makes no sense.
    pub fn local(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, String> {
        Self::read(variables, Format::Text, None)
    }

    /// The settings of a Lambda function, from its environment: logs are JSON and hold metrics.
    ///
    /// # Errors
    /// As [`Settings::local`].
    pub fn on_lambda(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, String> {
        Self::read(variables, Format::Json, Some(DEFAULT_NAMESPACE))
    }

    fn read(
        variables: impl IntoIterator<Item = (String, String)>,
        log_format: Format,
        namespace: Option<&str>,
    ) -> Result<Self, String> {
        let given: BTreeMap<String, String> = variables
            .into_iter()
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        if let Some(name) = given.keys().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(format!(
                "there is no setting {name}; there are {}",
                NAMES.join(", ")
            ));
        }
        let text = |name: &str| {
            let value = given.get(name).map(|value| value.trim());
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let list = |name: &str| -> Vec<String> {
            let value = text(name).unwrap_or_default();
            let parts = value.split(',').map(str::trim);
            parts
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let conf = number(
            CONF,
            text(CONF),
            "a number between 0 and 1",
            |conf: &f64| (0.0..=1.0).contains(conf),
        )?;
        let count = |name: &str, least: usize| {
            let words = format!("a whole number of at least {least}");
            number(name, text(name), &words, |count: &usize| *count >= least)
        };
        let cors_origins = list(CORS_ORIGINS);
        for origin in &cors_origins {
            check_origin(origin)?;
        }
        let s3_output_prefix = text(S3_OUTPUT_PREFIX).unwrap_or_else(|| DEFAULT_PREFIX.to_owned());
        if s3_output_prefix.starts_with('/') {
            return Err(format!(
                "{S3_OUTPUT_PREFIX} must not begin with a slash: keys do not"
            ));
        }
        let access = Access {
            api_keys: list(API_KEYS),
            jwt_secret: text(JWT_SECRET),
            jwks_file: text(JWT_JWKS_FILE).map(PathBuf::from),
            issuer: text(JWT_ISSUER),
            audience: text(JWT_AUDIENCE),
        };
        access.check()?;
        Ok(Self {
            conf,
            concurrency: count(CONCURRENCY, 1)?,
            queue: count(QUEUE, 0)?,
            max_batch: count(MAX_BATCH, 1)?,
            access,
            cors_origins,
            s3_output_prefix,
            s3_annotate: match text(S3_ANNOTATE).as_deref() {
                None | Some("false") => false,
                Some("true") => true,
                Some(other) => return Err(no_choice(S3_ANNOTATE, "true, false", other)),
            },
            log_level: match text(LOG_LEVEL)
                .map(|level| level.to_ascii_lowercase())
                .as_deref()
            {
                Some("off") => Level::Off,
                Some("error") => Level::Error,
                Some("warn") => Level::Warn,
                None | Some("info") => Level::Info,
                Some(other) => {
                    return Err(no_choice(LOG_LEVEL, "off, error, warn, info", other));
                }
            },
            log_format: match text(LOG_FORMAT).as_deref() {
                None => log_format,
                Some("text") => Format::Text,
                Some("json") => Format::Json,
                Some(other) => return Err(no_choice(LOG_FORMAT, "text, json", other)),
            },
            metrics_namespace: match text(METRICS_NAMESPACE).as_deref() {
                None => namespace.map(str::to_owned),
                Some("none") => None,
                Some(name) => Some(name.to_owned()),
            },
        })
    }
}

impl Access {
    /// Whether everyone may call.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.api_keys.is_empty() && self.jwt_secret.is_none() && self.jwks_file.is_none()
    }

    fn check(&self) -> Result<(), String> {
        if let Some(short) = self.api_keys.iter().position(|key| key.len() < 16) {
            return Err(format!(
                "key number {} in {API_KEYS} is shorter than 16 characters, which can be guessed",
                short + 1
            ));
        }
        // RFC 7518, 3.2: a key of the same size as the hash output or larger must be used.
        if self
            .jwt_secret
            .as_ref()
            .is_some_and(|secret| secret.len() < 32)
        {
            return Err(format!("{JWT_SECRET} is shorter than 32 bytes"));
        }
        if self.jwt_secret.is_none() && self.jwks_file.is_none() {
            for (name, value) in [(JWT_ISSUER, &self.issuer), (JWT_AUDIENCE, &self.audience)] {
                if value.is_some() {
                    return Err(format!(
                        "{name} is set, but neither {JWT_SECRET} nor {JWT_JWKS_FILE} is"
                    ));
                }
            }
        }
        Ok(())
    }
}

fn no_choice(name: &str, choices: &str, value: &str) -> String {
    format!("{name} must be one of {choices}, not {value:?}")
}

fn number<T: FromStr>(
    name: &str,
    value: Option<String>,
    words: &str,
    allowed: impl Fn(&T) -> bool,
) -> Result<Option<T>, String> {
    let Some(value) = value else { return Ok(None) };
    match value.parse().ok().filter(allowed) {
        Some(number) => Ok(Some(number)),
        None => Err(format!("{name} must be {words}, not {value:?}")),
    }
}

/// An origin is a scheme and a host, as browsers send it; a slash at the end would match none.
fn check_origin(origin: &str) -> Result<(), String> {
    let host = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '*', '?', '#', ' ']) => Ok(()),
        _ => Err(format!(
            "{CORS_ORIGINS} names {origin:?}, which is no origin: https://example.org, with no path and no *"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Settings::on_lambda(variables.iter().map(owned))
    }

    #[test]
    fn nothing_set_is_open_and_logs_everything() {
        let settings = read(&[("PATH", "/bin"), (API_KEYS, ""), (QUEUE, " ")]).expect("read");
        assert!(settings.access.is_open());
        assert_eq!(settings.log_format, Format::Json);
        assert_eq!(settings.log_level, Level::Info);
        assert_eq!(
            settings.metrics_namespace.as_deref(),
            Some("CheckboxDetector")
        );
        assert_eq!(settings.s3_output_prefix, "checkboxes/");
        assert_eq!((settings.conf, settings.queue), (None, None));
        let local = Settings::local([]).expect("read");
        assert_eq!(
            (local.log_format, local.metrics_namespace),
            (Format::Text, None)
        );
    }

    #[test]
    fn values_are_read() {
        let settings = read(&[
            (CONF, "0.25"),
            (QUEUE, "0"),
            (API_KEYS, "0123456789abcdef, fedcba9876543210 "),
            (CORS_ORIGINS, "https://a.example,http://localhost:3000"),
            (S3_ANNOTATE, "true"),
            (LOG_LEVEL, "WARN"),
            (METRICS_NAMESPACE, "none"),
        ])
        .expect("read");
        assert_eq!((settings.conf, settings.queue), (Some(0.25), Some(0)));
        assert_eq!(settings.access.api_keys.len(), 2);
        assert_eq!(settings.cors_origins[1], "http://localhost:3000");
        assert!(settings.s3_annotate);
        assert_eq!(settings.log_level, Level::Warn);
        assert_eq!(settings.metrics_namespace, None);
        assert!(
            !format!("{settings:?}").contains("fedcba"),
            "secrets are not shown"
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (name, value) in [
            ("CHECKBOX_API_KEY", "0123456789abcdef"),
            (CONF, "2"),
            (CONF, "NaN"),
            (CONCURRENCY, "0"),
            (MAX_BATCH, "-1"),
            (API_KEYS, "short"),
            (JWT_SECRET, "short"),
            (JWT_ISSUER, "someone"),
            (CORS_ORIGINS, "*"),
            (CORS_ORIGINS, "https://example.org/"),
            (CORS_ORIGINS, "example.org"),
            (S3_OUTPUT_PREFIX, "/results"),
            (S3_ANNOTATE, "yes"),
            (LOG_LEVEL, "loud"),
            (LOG_FORMAT, "xml"),
        ] {
            let words = read(&[(name, value)]).expect_err(name);
            assert!(words.contains(name), "{words}");
        }
    }

    #[test]
    fn the_readme_lists_every_setting() {
        let readme = include_str!("../README.md");
        for name in NAMES {
            assert!(readme.contains(&format!("| `{name}` |")), "{name}");
        }
    }
}
