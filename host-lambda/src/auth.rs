//! Who may call: API keys and signed tokens (JSON Web Tokens, RFC 7519), compared in constant time.
//!
//! Two algorithms only, HS256 with a shared secret and RS256 with the public keys of a key set (RFC 7517); a token's
//! own word on its algorithm chooses between what was configured and can bring in nothing else.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use ring::{hmac, rand};
use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::settings::{Access, JWT_JWKS_FILE};

/// The header for API keys, as API Gateway has it too.
pub const API_KEY: &str = "x-api-key";

/// What clocks may differ by, in seconds.
const LEEWAY: f64 = 30.0;

/// Lets callers in, or not.
pub struct Gate {
    /// Tags of the keys under a key of this process: comparing tags takes equally long however they differ.
    keys: Vec<hmac::Tag>,
    process: hmac::Key,
    secret: Option<hmac::Key>,
    public: Vec<PublicKey>,
    issuer: Option<String>,
    audience: Option<String>,
    open: bool,
}

/// A key of a key set.
struct PublicKey {
    id: Option<String>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<JsonKey>,
}

#[derive(Deserialize)]
struct JsonKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    /// Names of extensions that must be understood; none is.
    crit: Option<Value>,
}

impl Gate {
    /// A gate as configured; a relative path of the key set is one in `dir`.
    ///
    /// # Errors
    /// In words, when the key set cannot be read or holds no key for RS256.
    pub fn new(access: &Access, dir: &Path) -> Result<Self, String> {
        let process = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| "the system gives no random numbers".to_owned())?;
        let keys = access.api_keys.iter();
        Ok(Self {
            keys: keys
                .map(|key| hmac::sign(&process, key.as_bytes()))
                .collect(),
            process,
            secret: access
                .jwt_secret
                .as_ref()
                .map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())),
            public: match &access.jwks_file {
                Some(file) => read_key_set(&dir.join(file))?,
                None => Vec::new(),
            },
            issuer: access.issuer.clone(),
            audience: access.audience.clone(),
            open: access.is_open(),
        })
    }

    /// Whether a request with these headers may pass.
    ///
    /// # Errors
    /// `unauthorized`, with what is missing or wrong with it.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Failure> {
        if self.open {
            return Ok(());
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text(AUTHORIZATION.as_str()).and_then(|value| {
            let (scheme, token) = value.trim().split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let shown = text(API_KEY).map(str::trim);
        if shown.into_iter().chain(bearer).any(|key| self.is_key(key)) {
            return Ok(());
        }
        let takes_tokens = self.secret.is_some() || !self.public.is_empty();
        let reason = match bearer {
            Some(token) if takes_tokens => match self.verify(token, now()) {
                Ok(()) => return Ok(()),
                Err(reason) => reason,
            },
            _ if shown.is_some() || bearer.is_some() => "the key is not one of this service's",
            _ if !takes_tokens => "send a key in the header x-api-key",
            _ if self.keys.is_empty() => "send a token in the header Authorization: Bearer",
            _ => "send a key in the header x-api-key, or a token in Authorization: Bearer",
        };
        Err(Failure::new("unauthorized", reason))
    }

    /// All keys are compared, whichever fits.
    fn is_key(&self, key: &str) -> bool {
        let same =
            |tag: &hmac::Tag| hmac::verify(&self.process, key.as_bytes(), tag.as_ref()).is_ok();
        self.keys.iter().fold(false, |found, tag| same(tag) | found)
    }

    fn verify(&self, token: &str, now: f64) -> Result<(), &'static str> {
        const MALFORMED: &str = "the token is not a signed JSON Web Token";
        let (signed, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
        let (head, claims) = signed.split_once('.').ok_or(MALFORMED)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED);
        let (head, claims, signature) = (decode(head)?, decode(claims)?, decode(signature)?);
        let head: Head = serde_json::from_slice(&head).map_err(|_| MALFORMED)?;
        if head.crit.is_some() {
            return Err("the token asks for an extension that is not known here");
        }
        let valid = match head.alg.as_str() {
            "HS256" => self
                .secret
                .as_ref()
                .is_some_and(|key| hmac::verify(key, signed.as_bytes(), &signature).is_ok()),
            "RS256" => self
                .public
                .iter()
                .filter(|key| head.kid.is_none() || key.id.is_none() || head.kid == key.id)
                .any(|key| key.verifies(signed.as_bytes(), &signature)),
            _ => return Err("the token is signed by an algorithm that is not taken here"),
        };
        if !valid {
            return Err("the token's signature is not valid");
        }
        let claims: Value = serde_json::from_slice(&claims).map_err(|_| MALFORMED)?;
        self.check_claims(&claims, now)
    }

    fn check_claims(&self, claims: &Value, now: f64) -> Result<(), &'static str> {
        // A time that is there but is no number is refused like a missing one.
        let expires = claims.get("exp").and_then(Value::as_f64);
        let expires = expires.ok_or("the token has no time at which it expires")?;
        if now >= expires + LEEWAY {
            return Err("the token has expired");
        }
        if let Some(start) = claims.get("nbf") {
            let start = start.as_f64().ok_or("the token's nbf is no number")?;
            if now < start - LEEWAY {
                return Err("the token is not valid yet");
            }
        }
        if let Some(issuer) = &self.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return Err("the token is from another issuer");
        }
        if let Some(audience) = &self.audience {
            let ours = match claims.get("aud") {
                Some(Value::String(one)) => one == audience,
                Some(Value::Array(several)) => several.iter().any(|one| one == audience),
                _ => false,
            };
            if !ours {
                return Err("the token is for another audience");
            }
        }
        Ok(())
    }
}

impl PublicKey {
    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = RsaPublicKeyComponents {
            n: &self.modulus,
            e: &self.exponent,
        };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .is_ok()
    }
}

fn read_key_set(path: &Path) -> Result<Vec<PublicKey>, String> {
    let wrong = |reason: String| format!("{JWT_JWKS_FILE}: {}: {reason}", path.display());
    let bytes = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let set: KeySet = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    let mut keys = Vec::new();
    for key in set.keys {
        let other_use = key.purpose.is_some_and(|purpose| purpose != "sig");
        let other_algorithm = key.alg.is_some_and(|algorithm| algorithm != "RS256");
        if key.kty != "RSA" || other_use || other_algorithm {
            continue;
        }
        // RFC 7518, 6.3.1: numbers without leading zeros, base64url without padding; ring takes no leading zeros.
        let number = |text: Option<String>| {
            let text = text.ok_or_else(|| wrong("an RSA key lacks `n` or `e`".to_owned()))?;
            let bytes = URL_SAFE_NO_PAD.decode(text);
            let bytes = bytes.map_err(|error| wrong(error.to_string()))?;
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            Ok::<_, String>(bytes.get(zeros..).unwrap_or_default().to_vec())
        };
        keys.push(PublicKey {
            id: key.kid,
            modulus: number(key.n)?,
            exponent: number(key.e)?,
        });
    }
    if keys.is_empty() {
        return Err(wrong("there is no key for RS256 in it".to_owned()));
    }
    Ok(keys)
}

/// Seconds since 1970.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |time| time.as_secs_f64())
}

/// An id for a request that brings none: 128 random bits in hexadecimal.
#[must_use]
pub fn random_id() -> String {
    match rand::generate::<[u8; 16]>(&SystemRandom::new()) {
        Ok(bytes) => bytes
            .expose()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        Err(_) => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const SECRET: &str = "a secret of at least thirty-two bytes";
    const KEY: &str = "0123456789abcdef";

    fn gate(access: Access) -> Gate {
        Gate::new(&access, Path::new("")).expect("a gate")
    }

    fn hs256() -> Access {
        Access {
            jwt_secret: Some(SECRET.to_owned()),
            ..Access::default()
        }
    }

    fn token(head: &str, claims: &str, secret: &str) -> String {
        let signed = [head, claims]
            .map(|part| URL_SAFE_NO_PAD.encode(part))
            .join(".");
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signature = hmac::sign(&key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn check(gate: &Gate, name: &'static str, value: &str) -> Result<(), String> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).expect("a header"));
        gate.check(&headers).map_err(|failure| failure.detail)
    }

    #[test]
    fn an_open_gate_lets_everyone_in() {
        assert!(gate(Access::default()).check(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn keys_open_in_both_headers() {
        let gate = gate(Access {
            api_keys: vec!["fedcba9876543210".to_owned(), KEY.to_owned()],
            ..Access::default()
        });
        assert_eq!(check(&gate, "x-api-key", KEY), Ok(()));
        assert_eq!(
            check(&gate, "authorization", &format!("bearer {KEY}")),
            Ok(())
        );
        for wrong in [
            "0123456789abcdeF",
            "0123456789abcde",
            "",
            "0123456789abcdef0",
        ] {
            assert!(check(&gate, "x-api-key", wrong).is_err(), "{wrong}");
        }
        assert!(check(&gate, "authorization", &format!("Basic {KEY}")).is_err());
        let failure = gate.check(&HeaderMap::new()).expect_err("refused");
        assert_eq!(
            (failure.code.as_ref(), failure.status().as_u16()),
            ("unauthorized", 401)
        );
        assert!(failure.detail.contains("x-api-key"));
    }

    #[test]
    fn tokens_with_a_secret() {
        let gate = gate(Access {
            issuer: Some("us".to_owned()),
            audience: Some("forms".to_owned()),
            ..hs256()
        });
        const HEAD: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
        let verify = |head: &str, claims: &str, secret: &str| {
            gate.verify(&token(head, claims, secret), 1000.0)
        };
        let good = r#"{"exp":1100,"nbf":900,"iss":"us","aud":["other","forms"]}"#;
        assert_eq!(verify(HEAD, good, SECRET), Ok(()));
        for (head, claims, secret, word) in [
            (
                HEAD,
                good,
                "another secret of at least thirty-two",
                "signature",
            ),
            (r#"{"alg":"none"}"#, good, SECRET, "algorithm"),
            (r#"{"alg":"HS512"}"#, good, SECRET, "algorithm"),
            (r#"{"alg":"RS256"}"#, good, SECRET, "signature"),
            (
                r#"{"alg":"HS256","crit":["b64"]}"#,
                good,
                SECRET,
                "extension",
            ),
            (
                HEAD,
                r#"{"exp":900,"iss":"us","aud":"forms"}"#,
                SECRET,
                "expired",
            ),
            (HEAD, r#"{"iss":"us","aud":"forms"}"#, SECRET, "expires"),
            (
                HEAD,
                r#"{"exp":"1100","iss":"us","aud":"forms"}"#,
                SECRET,
                "expires",
            ),
            (
                HEAD,
                r#"{"exp":1100,"nbf":1050,"iss":"us","aud":"forms"}"#,
                SECRET,
                "yet",
            ),
            (
                HEAD,
                r#"{"exp":1100,"nbf":"1","iss":"us","aud":"forms"}"#,
                SECRET,
                "nbf",
            ),
            (
                HEAD,
                r#"{"exp":1100,"iss":"them","aud":"forms"}"#,
                SECRET,
                "issuer",
            ),
            (
                HEAD,
                r#"{"exp":1100,"iss":"us","aud":"other"}"#,
                SECRET,
                "audience",
            ),
            (HEAD, r#"{"exp":1100,"iss":"us"}"#, SECRET, "audience"),
            (HEAD, "no claims", SECRET, "JSON Web Token"),
        ] {
            let words = verify(head, claims, secret).expect_err(claims);
            assert!(words.contains(word), "{claims}: {words}");
        }
        for broken in ["", "a", "a.b", "a.b.c", "e30.e30.", "e30.e30.%%%"] {
            assert!(gate.verify(broken, 1000.0).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_token_in_the_header_is_checked_against_the_clock() {
        let head = r#"{"alg":"HS256"}"#;
        let bearer = |exp: f64| {
            format!(
                "Bearer {}",
                token(head, &format!(r#"{{"exp":{exp}}}"#), SECRET)
            )
        };
        let gate = gate(hs256());
        assert_eq!(check(&gate, "authorization", &bearer(now() + 60.0)), Ok(()));
        let words = check(&gate, "authorization", &bearer(now() - 60.0));
        assert!(words.expect_err("refused").contains("expired"));
    }

    /// The key and the signed text of RFC 7515, appendix A.2.
    #[test]
    fn tokens_with_a_public_key() {
        const N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
        const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        let dir = tempfile::tempdir().expect("a folder");
        let with = |keys: &str| {
            fs::write(dir.path().join("keys.json"), keys).expect("written");
            let access = Access {
                jwks_file: Some("keys.json".into()),
                ..Access::default()
            };
            Gate::new(&access, dir.path())
        };
        let gate = with(&format!(
            r#"{{"keys":[{{"kty":"EC","crv":"P-256"}},{{"kty":"RSA","use":"sig","n":"{N}","e":"AQAB"}}]}}"#
        ))
        .expect("a gate");
        let in_time = 1_300_819_000.0;
        assert_eq!(gate.verify(TOKEN, in_time), Ok(()));
        assert_eq!(
            gate.verify(TOKEN, in_time + 1e6),
            Err("the token has expired")
        );
        let spoilt = TOKEN.replacen("cC4h", "cC4i", 1);
        assert_eq!(
            gate.verify(&spoilt, in_time),
            Err("the token's signature is not valid")
        );
        // The public key is no secret: a token signed with it as one must not pass.
        let forged = token(r#"{"alg":"HS256"}"#, r#"{"exp":9e9}"#, N);
        assert!(gate.verify(&forged, in_time).is_err());
        for keys in [
            r#"{"keys":[]}"#,
            "no JSON",
            r#"{"keys":[{"kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"}]}"#,
        ] {
            assert!(with(keys).err().expect("refused").contains("keys.json"));
        }
    }
}
