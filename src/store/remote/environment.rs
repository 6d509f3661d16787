//! A URL → the client of its service, with what the environment says of credentials, regions and time-outs; and what clients
//! say → words that tell what to do.

use super::PAST_END;
use crate::error::{Error, Result};
use object_store::aws::AmazonS3Builder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::{ClientOptions, ObjectStore, RetryConfig};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Threads that carry bytes: they decode nothing, and two fill ten gigabits.
const THREADS: usize = 2;
/// A server that sends nothing for so long is given up, unless the environment says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How often what failed is asked for again.
const RETRIES: usize = 4;
/// Seconds without a byte after which a request has failed.
const TIMEOUT_VARIABLE: &str = "FLAGSTONE_REMOTE_TIMEOUT";

/// The service of a URL.
pub(super) struct Service {
    pub(super) client: Arc<dyn ObjectStore>,
    /// The URL of what keys are relative to, with a slash at its end.
    pub(super) base: String,
    /// Whether it tells which objects it has.
    pub(super) lists: bool,
}

/// The threads that wait for the network.
///
/// # Errors
/// `Internal` when they cannot be started.
pub(super) fn threads() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::result::Result<Runtime, String>> = OnceLock::new();
    let start = || {
        // Another part of the program may have chosen a provider before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let threads = Builder::new_multi_thread().worker_threads(THREADS).thread_name("flagstone-io").enable_all().build();
        threads.map_err(|e| e.to_string())
    };
    RUNTIME.get_or_init(start).as_ref().map_err(|e| Error::internal(format!("starting threads for the network: {e}")))
}

/// Where keys of a URL begin: `s3://bucket/`, `http://host:port/`; and the key.
pub(super) fn split(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (host, key) = rest.split_once('/').unwrap_or((rest, ""));
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "s3a" => "s3".to_string(),
        other => other.to_string(),
    };
    (!host.is_empty()).then(|| (format!("{scheme}://{host}/"), key))
}

fn timeout(address: &str) -> Result<Duration> {
    let Ok(text) = std::env::var(TIMEOUT_VARIABLE) else { return Ok(TIMEOUT) };
    match text.trim().parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(Error::bad_request(address, format!("{TIMEOUT_VARIABLE}={text:?} is no number of seconds"))),
    }
}

/// The client of the service at `base`.
///
/// # Errors
/// `BadRequest` for settings that it refuses.
pub(super) fn service(base: String, address: &str) -> Result<Service> {
    let timeout = timeout(address)?;
    let retry = RetryConfig { max_retries: RETRIES, retry_timeout: timeout * (RETRIES as u32 + 1), ..RetryConfig::default() };
    // A slow link may take long for a large chunk; what ends the wait is a link on which nothing moves.
    let options = ClientOptions::default().with_timeout_disabled().with_read_timeout(timeout).with_connect_timeout(timeout);
    let refused = |e: object_store::Error| Error::bad_request(address, format!("the service at {base}: {}", words(&e)));
    let (scheme, host) = base.trim_end_matches('/').split_once("://").unwrap_or_default();
    let client: Arc<dyn ObjectStore> = match scheme {
        "s3" => Arc::new(
            AmazonS3Builder::from_env()
                .with_bucket_name(host)
                .with_client_options(s3_options(options))
                .with_retry(retry)
                .build()
                .map_err(refused)?,
        ),
        "gs" => {
            let options = options.with_allow_http(true);
            Arc::new(
                GoogleCloudStorageBuilder::from_env()
                    .with_bucket_name(host)
                    .with_client_options(options)
                    .with_retry(retry)
                    .build()
                    .map_err(refused)?,
            )
        }
        _ => {
            let options = options.with_allow_http(true);
            Arc::new(HttpBuilder::new().with_url(base.as_str()).with_client_options(options).with_retry(retry).build().map_err(refused)?)
        }
    };
    Ok(Service { client, lists: scheme != "http" && scheme != "https", base })
}

/// Plain HTTP where the environment allows it, or names an endpoint that has no other.
fn s3_options(options: ClientOptions) -> ClientOptions {
    let variable = |name: &str| std::env::var(name).unwrap_or_default().to_ascii_lowercase();
    let endpoint = ["AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"].iter().any(|name| variable(name).starts_with("http://"));
    options.with_allow_http(endpoint || variable("AWS_ALLOW_HTTP") == "true")
}

/// What a client's error comes to, and what may mend it.
pub(super) fn words(error: &object_store::Error) -> String {
    use object_store::Error as E;
    match error {
        E::NotFound { .. } => "there is no such object, or no such bucket (404)".into(),
        E::PermissionDenied { .. } => format!("access is refused (403): {CREDENTIALS}"),
        E::Unauthenticated { .. } => format!("the server knows no such user (401): {CREDENTIALS}"),
        E::NotImplemented { .. } => "the server cannot do this".into(),
        _ => {
            let found = root(error);
            let lower = found.to_ascii_lowercase();
            if lower.contains("timed out") || lower.contains("timeout") {
                return format!("no answer in time ({found}); {TIMEOUT_VARIABLE} says how many seconds to wait");
            }
            if lower.contains("416") && lower.contains("status") {
                return PAST_END.into();
            }
            if lower.contains("non-partial") || lower.contains("range") {
                return format!("{NO_PARTS} ({found})");
            }
            if metadata_service(error) {
                return format!("no credentials: {CREDENTIALS}");
            }
            found
        }
    }
}

/// How the words on a server start that does not know ranges.
pub(super) const NO_PARTS: &str = "the server does not send parts of objects as it should";

const CREDENTIALS: &str = "see that the environment has the right ones (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, with \
    AWS_SESSION_TOKEN, AWS_REGION and AWS_ENDPOINT where they are needed; GOOGLE_SERVICE_ACCOUNT), or for what is public set \
    AWS_SKIP_SIGNATURE=true or GOOGLE_SKIP_SIGNATURE=true";

/// Whether it was the search for credentials that failed.
fn metadata_service(error: &object_store::Error) -> bool {
    let mut text = error.to_string();
    let mut next: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    ["latest/meta-data", "latest/api/token", "computeMetadata", "nstance metadata", "redential"].iter().any(|word| text.contains(word))
}

/// The innermost cause of an error, and the one around it where that one says more.
fn root(error: &dyn std::error::Error) -> String {
    let mut causes = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes.pop().unwrap_or_default()
}
