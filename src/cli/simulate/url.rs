//! Requests a URL once for its headers.

use super::super::{CommandError, Exit, background};
use crate::check::url::{Answer, Limits, Probe, Trust, probe_head, without_password};
use crate::escape::escaped;

/// Sends one GET and reads the head of the response. Does not follow redirects, just as Meta's fetcher does not.
pub(super) fn fetch_head(url: &str) -> Result<Answer, CommandError> {
    let shown = without_password(url);
    let shown = escaped(&shown);
    let is_of_the_web = |scheme: &str| ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
    if !url.split_once("://").is_some_and(|(scheme, _)| is_of_the_web(scheme)) {
        let reason = "WhatsApp accepts http and https only; for an asset that wamedia serves, write its path";
        return Err(CommandError::new(Exit::Usage, format_args!("{shown}: {reason}")));
    }
    let (trust, limits) = (Trust::of_system(), Limits::default());
    let transcript = background()?
        .block_on(probe_head(url, trust.as_ref(), &limits))
        .map_err(|error| CommandError::new(Exit::System, format_args!("{shown}: {error}")))?;
    let Some(outcome) = transcript.outcome(Probe::Fetch) else {
        let reason = "is not a valid URL; run `wamedia check` on it to see why";
        return Err(CommandError::new(Exit::Usage, format_args!("{shown}: {reason}")));
    };
    let answer = match outcome {
        Ok(answer) => answer,
        Err(failure) => {
            let reason =
                format_args!("{shown} cannot be fetched: {failure}; run `wamedia check` on it for details");
            return Err(CommandError::new(Exit::System, reason));
        }
    };
    let fix = match answer.status {
        200 => return Ok(answer.clone()),
        300..400 => "WhatsApp does not follow redirects, so pass the URL that it leads to",
        _ => "WhatsApp accepts 200 only, so pass the URL of an existing asset",
    };
    Err(CommandError::new(Exit::No, format_args!("{shown}: the server answered {}; {fix}", answer.status)))
}
