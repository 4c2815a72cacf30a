//! `[access]`.

use std::fmt;

use pledge_office::access::{Registration, Secrets};
use url::{Host, Url};

use super::secret::{Secret, SecretList};
use super::section::{Shown, optional, preset, section};
use super::{Key, Problems};

const DOMAIN_EXAMPLE: &str = "pledge.example";
const CLOSED: &str = "closed";

section! {
    /// Sign-in. Without a secret key no one signs in and nothing is written over HTTP; what is public is read.
    RawAccess shown as AccessShown {
        /// What tokens are signed with: random text of 32 bytes or more, such as `openssl rand -hex 32` prints, or
        /// `file:PATH` for the file that has it. All instances over one store have the same. Of a list, or a text with
        /// commas, the first signs and all verify: so a secret is replaced by writing another before it.
        secret_key: Option<SecretList> = optional(SecretList(vec![Secret::Text("random text".to_owned())])),
        /// Host, and port if it is an unusual one, of the page at which users sign in: what a wallet signs names it.
        /// The page is on https, or on http if the host is of this machine. Needed with `secret_key`.
        domain: Option<String> = optional(DOMAIN_EXAMPLE),
        /// Who may become a user: `closed` for no one, `invited` for those whom an admin invites, `open` for
        /// everybody.
        registration: String = preset(CLOSED),
    }
}

/// How users sign in.
#[derive(Debug, Clone)]
pub struct AccessConfig {
    /// With which keys and where; `None` if no one does.
    pub sign_in: Option<SignInConfig>,
    /// Who may become a user.
    pub registration: Registration,
    /// The secrets as they were written.
    written: Vec<Secret>,
    domain: Option<Domain>,
}

/// With which keys users sign in, and where.
#[derive(Debug, Clone)]
pub struct SignInConfig {
    /// The secrets.
    pub secrets: Secrets,
    /// The page.
    pub domain: Domain,
}

/// Host and port of the page at which users sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    authority: String,
    is_local: bool,
}

impl AccessConfig {
    /// Sign-in by the key of this process alone, at a page of this machine on a port.
    pub(crate) fn of_process(secret: &str, port: u16) -> Self {
        let secrets = Secrets::new(&[secret]).expect("32 random bytes or more");
        let domain = Domain { authority: format!("localhost:{port}"), is_local: true };
        Self {
            sign_in: Some(SignInConfig { secrets, domain }),
            registration: Registration::Closed,
            written: Vec::new(),
            domain: None,
        }
    }

    pub(super) fn check(raw: RawAccess, key: &Key, problems: &mut Problems) -> Option<Self> {
        let RawAccess { secret_key, domain, registration } = raw;
        let SecretList(written) = secret_key.unwrap_or_else(|| SecretList(Vec::new()));
        let secrets = check_secrets(&written, &key.child("secret_key"), problems);
        let domain_key = key.child("domain");
        let domain = domain.map(|text| problems.take(&domain_key, Domain::parse(&text)));
        if !written.is_empty() && domain.is_none() {
            let example = format!("{DOMAIN_EXAMPLE:?}, the host at which users sign in");
            problems.require(&domain_key, None::<()>, &example);
        }
        let registration = problems.take(&key.child("registration"), registered_by(&registration));
        let domain = domain.flatten();
        let sign_in = match (secrets, &domain) {
            (Some(secrets), Some(domain)) => Some(SignInConfig { secrets, domain: domain.clone() }),
            _ => None,
        };
        Some(Self { sign_in, registration: registration?, written, domain })
    }

    pub(super) fn shown(&self) -> AccessShown {
        let Self { sign_in: _, registration, written, domain } = self;
        let is_written = !written.is_empty();
        AccessShown {
            secret_key: if is_written { Shown::list(written) } else { Shown::Nothing },
            domain: domain.as_ref().map_or(Shown::Nothing, Shown::text),
            registration: Shown::text(match registration {
                Registration::Open => "open",
                Registration::Invited => "invited",
                Registration::Closed => CLOSED,
            }),
        }
    }
}

/// The secrets; `None` where there is none, or one is a problem.
fn check_secrets(written: &[Secret], key: &Key, problems: &mut Problems) -> Option<Secrets> {
    if written.is_empty() {
        return None;
    }
    let texts = written.iter().enumerate().map(|(index, secret)| {
        // One secret is not a list for the one who wrote it.
        let key = if written.len() == 1 { key.clone() } else { key.index(index) };
        problems.take(&key, secret.read())
    });
    let texts: Vec<Option<String>> = texts.collect();
    let texts: Vec<String> = texts.into_iter().collect::<Option<_>>()?;
    problems.take(key, Secrets::new(&texts))
}

fn registered_by(text: &str) -> Result<Registration, String> {
    match text {
        "open" => Ok(Registration::Open),
        "invited" => Ok(Registration::Invited),
        CLOSED => Ok(Registration::Closed),
        _ => Err(format!("`{text}` is none of them: write open, invited or closed")),
    }
}

impl Domain {
    /// A host and a port, in the form in which browsers and wallets write them.
    fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            |what: &str| format!("`{text}` {what}: write the host alone, such as {DOMAIN_EXAMPLE}");
        if text.contains("://") {
            return Err(wrong("has a scheme"));
        }
        let url = Url::parse(&format!("https://{text}")).map_err(|_| wrong("is no host"))?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !is_bare || url.username() != "" || url.password().is_some() || text.ends_with('/') {
            return Err(wrong("has more than a host and a port"));
        }
        let host = url.host().ok_or_else(|| wrong("is no host"))?;
        let is_local = match &host {
            Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        // The port that goes without saying is not in what browsers write, and wallets sign what they write.
        let usual = if is_local { 80 } else { 443 };
        let port = port_of(text).filter(|port| *port != usual);
        let authority = port.map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
        if authority == text {
            Ok(Self { authority, is_local })
        } else {
            Err(format!("`{text}` is not what a browser writes: write {authority}"))
        }
    }

    /// It, as a message of EIP-4361 has it.
    pub fn as_str(&self) -> &str {
        &self.authority
    }

    /// The scheme of the page.
    pub const fn scheme(&self) -> &'static str {
        if self.is_local { "http" } else { "https" }
    }
}

/// The port as it is written. That of a parsed url lacks the usual one of its scheme.
fn port_of(text: &str) -> Option<u16> {
    let (host, port) = text.rsplit_once(':')?;
    if host.starts_with('[') && !host.ends_with(']') { None } else { port.parse().ok() }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_host_with_an_unusual_port() {
        for (text, scheme) in [
            ("pledge.example", "https"),
            ("pledge.example:8443", "https"),
            ("pledge.example:80", "https"),
            ("192.0.2.1", "https"),
            ("[2001:db8::1]:8080", "https"),
            ("localhost:8080", "http"),
            ("127.0.0.1:8080", "http"),
            ("[::1]", "http"),
        ] {
            let domain = Domain::parse(text).unwrap();
            assert_eq!((domain.as_str(), domain.scheme()), (text, scheme));
        }
    }

    #[test]
    fn what_is_no_domain_is_refused_with_the_remedy() {
        for (text, remedy) in [
            ("https://pledge.example", "host alone"),
            ("pledge.example/", "host alone"),
            ("pledge.example/login", "host alone"),
            ("user@pledge.example", "host alone"),
            ("", "host alone"),
            ("pledge example", "host alone"),
            ("pledge.example:443", "write pledge.example"),
            ("localhost:80", "write localhost"),
            ("Pledge.Example", "write pledge.example"),
            ("plédge.example", "write xn--pldge-csa.example"),
            ("pledge.example:08443", "write pledge.example:8443"),
        ] {
            let error = Domain::parse(text).unwrap_err();
            assert!(error.contains(remedy), "{text}: {error}");
        }
    }
}
