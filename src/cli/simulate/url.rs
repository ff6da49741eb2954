//! What the server of a URL says of it, by one GET whose body is not read.

use super::super::{CommandError, Exit, background};
use crate::check::url::{Answer, Limits, Probe, Trust, probe_head, without_password};
use crate::escape::escaped;

/// Asks for a URL, without following where it redirects to, as the fetcher does not either.
pub(super) fn ask(url: &str) -> Result<Answer, CommandError> {
    let shown = without_password(url);
    let shown = escaped(&shown);
    let is_of_the_web = |scheme: &str| ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
    if !url.split_once("://").is_some_and(|(scheme, _)| is_of_the_web(scheme)) {
        let reason = "WhatsApp takes http and https only; for an asset that wamedia serves, write its path";
        return Err(CommandError::new(Exit::Usage, format_args!("{shown}: {reason}")));
    }
    let (trust, limits) = (Trust::of_system(), Limits::default());
    let transcript = background()?
        .block_on(probe_head(url, trust.as_ref(), &limits))
        .map_err(|ours| CommandError::new(Exit::System, format_args!("{shown}: {ours}")))?;
    let Some(outcome) = transcript.outcome(Probe::Fetch) else {
        let reason = "it is no URL that can be asked for; `wamedia check` says what is wrong with it";
        return Err(CommandError::new(Exit::Usage, format_args!("{shown}: {reason}")));
    };
    let answer = match outcome {
        Ok(answer) => answer,
        Err(failure) => {
            let reason = format_args!("{shown} cannot be asked for: {failure}; `wamedia check` says more");
            return Err(CommandError::new(Exit::System, reason));
        }
    };
    let fix = match answer.status {
        200 => return Ok(answer.clone()),
        300..400 => "WhatsApp does not follow redirects, so give the URL that it leads to",
        _ => "WhatsApp takes 200 only, so give the URL of an asset that is there",
    };
    Err(CommandError::new(Exit::No, format_args!("{shown} is answered with {}; {fix}", answer.status)))
}
