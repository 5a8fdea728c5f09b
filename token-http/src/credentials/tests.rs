//! How each header is read.

use http::Request;
use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;
use crate::auth_error::AuthError;

type Shown = Result<Option<(String, Option<String>)>, CredentialsError>;

fn of(uri: &str, headers: &[&[u8]], in_url: InUrl) -> Shown {
    let mut request = Request::get(uri);
    for header in headers {
        request = request.header("authorization", *header);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let found = Credentials::of(&parts, in_url, &CredentialOptions::default())?;
    Ok(found.map(|found| (found.token.expose_secret().to_owned(), found.user)))
}

fn header(value: &str) -> Shown {
    of("/", &[value.as_bytes()], InUrl::Refused)
}

fn basic_of(text: impl AsRef<[u8]>) -> Shown {
    header(&format!("Basic {}", STANDARD.encode(text)))
}

#[test]
fn a_bearer_token_is_found_however_the_scheme_is_written() {
    for value in ["Bearer tok_a-b.c~d+e/f", "bearer  tok_a-b.c~d+e/f", "BEARER tok_a-b.c~d+e/f "] {
        assert_eq!(header(value), Ok(Some(("tok_a-b.c~d+e/f".into(), None))), "{value}");
    }
}

#[test]
fn a_basic_password_is_the_token() {
    assert_eq!(basic_of("admin:tok_x"), Ok(Some(("tok_x".into(), Some("admin".into())))));
    assert_eq!(basic_of("admin:tok%5Fx"), Ok(Some(("tok_x".into(), Some("admin".into())))));
    assert_eq!(basic_of("Zoë:tok_x"), Ok(Some(("tok_x".into(), Some("Zoë".into())))));
    assert_eq!(basic_of(":tok_x"), Ok(Some(("tok_x".into(), Some("".into())))));
}

#[test]
fn nothing_and_other_schemes_present_nothing() {
    assert_eq!(of("/", &[], InUrl::Refused), Ok(None));
    for value in ["Digest username=\"x\"", "Negotiate abc", "Bearers tok_x", "tok_x", ""] {
        assert_eq!(header(value), Ok(None), "{value}");
    }
}

#[test]
fn the_error_says_what_is_wrong_with_a_malformed_header() {
    use CredentialsError::*;
    for (value, wrong) in [
        ("Bearer", NoToken),
        ("bearer ", NoToken),
        ("Bearer =", ForeignCharacter),
        ("Bearer a=", Padded),
        ("Bearer tok_a==", Padded),
        ("Bearer a=b", ForeignCharacter),
        ("Bearer a%20b", ForeignCharacter),
        ("Bearer <a>", ForeignCharacter),
        ("Bearer a b", WhiteSpace),
        ("Bearer a\tb", WhiteSpace),
        ("Bearer\ta", WhiteSpace),
        ("Bearer a,b", Joined),
        ("Bearer a, Bearer a", Joined),
        ("Bearer a, Basic YTpi", Joined),
        ("x,Bearer a", Joined),
        ("Digest a=b, bearer a", Joined),
        ("\"Bearer a\"", Quoted),
        ("Bearer \"a\"", Quoted),
        ("Bearer 'a'", Quoted),
        ("Bearer: a", ColonAfterScheme),
        ("Bearer:a", ColonAfterScheme),
        ("Basic: YTpi", ColonAfterScheme),
        ("Bearer Bearer a", TwoSchemes),
        ("Bearer Basic YTpi", TwoSchemes),
        ("Basic Bearer a", TwoSchemes),
        ("Bearer user:a", UserWithBearer),
        ("Basic", NoToken),
        ("Basic !!", NotBase64),
        ("Basic YT pi", WhiteSpace),
        ("Basic user:a", NotEncoded),
        ("Basic \"YTpi\"", Quoted),
        ("Basic YTpi, Basic YTpi", Joined),
        ("Basic YTpiYw", NoPadding),
        ("Basic YTpiYw=", NoPadding),
        ("Basic YTpiY", NoPadding),
        ("Basic YTpi_-==", NotBase64),
    ] {
        assert_eq!(header(value), Err(wrong), "{value}");
    }
    for (value, wrong) in [
        (b"admin".as_slice(), NoColon),
        (b"ad\xffmin:x", NotUtf8),
        (b"admin:x\n", LineBreak),
        (b"admin:x\r\n", LineBreak),
        (b"ad\nmin:x", LineBreak),
        (b"admin:x\0", ControlCharacter),
        (b"admin:", EmptyPassword),
        (b":", EmptyPassword),
        (b"tok_x:x-oauth-basic", TokenAsUserName),
        (b"admin: tok_x", WhiteSpace),
        (b"admin:tok_x ", WhiteSpace),
        (b"admin:tok_\xc2\xa0x", WhiteSpace),
        (b"admin:\"tok_x\"", Quoted),
        (b"admin:'tok_x'", Quoted),
        (b"admin:<tok_x>", ForeignCharacter),
        (b"admin:[tok_x]", ForeignCharacter),
        // Only the first colon splits.
        (b"admin:tok:x", ForeignCharacter),
        (b"admin:tok_\xe2\x80\x8bx", ForeignCharacter),
        (b"admin:tok_x=", Padded),
    ] {
        assert_eq!(basic_of(value), Err(wrong), "{value:?}");
    }
    let url = crate::InUrl::Refused;
    assert_eq!(of("/", &[b"Bearer \xff"], url), Err(NotAscii));
}

#[test]
fn the_error_says_that_a_header_has_no_known_scheme() {
    use CredentialsError::*;
    for (value, wrong) in [
        ("", EmptyHeader),
        ("tok_a", NoScheme),
        ("Negotiate", NoScheme),
        ("Digest a=b, c=d", OtherScheme),
        ("token a", OtherScheme),
    ] {
        assert_eq!(header(value), Ok(None), "{value}");
        let headers = [(header::AUTHORIZATION, HeaderValue::from_static(value))].into_iter().collect();
        let missing = Credentials::missing(&headers);
        assert!(matches!(missing, AuthError::Malformed(error) if error == wrong), "{value}: {missing:?}");
    }
    assert!(matches!(Credentials::missing(&HeaderMap::new()), AuthError::NoCredentials));
}

#[test]
fn two_credentials_are_one_too_many() {
    let several = Err(CredentialsError::Several);
    for in_url in [InUrl::Refused, InUrl::Accepted] {
        assert_eq!(of("/", &[b"Bearer a", b"Bearer a"], in_url), several);
        assert_eq!(of("/", &[b"Bearer a", b"Basic YTpi"], in_url), several);
        assert_eq!(of("/?access_token=a", &[b"Bearer a"], in_url), several);
        assert_eq!(of("/?access_token=a&access_token=a", &[], in_url), several);
    }
}

#[test]
fn a_token_in_the_url_is_refused_unless_the_route_opts_in() {
    for uri in ["/?access_token=tok_x", "/a?b=c&access%5Ftoken=tok%5fx"] {
        assert_eq!(of(uri, &[], InUrl::Refused), Err(CredentialsError::InUrl));
        assert_eq!(of(uri, &[], InUrl::Accepted), Ok(Some(("tok_x".into(), None))));
    }
    assert_eq!(of("/?my_access_token=tok_x", &[], InUrl::Refused), Ok(None));
}

#[test]
fn the_token_is_not_in_debug() {
    let header = HeaderValue::from_static("Bearer tok_hidden");
    let found = Credentials::in_header(&header, &CredentialOptions::default()).unwrap().unwrap();
    assert!(!format!("{found:?}").contains("hidden"), "{found:?}");
}

fn with(options: CredentialOptions, value: &str) -> Shown {
    let found = Credentials::in_header(&value.parse().unwrap(), &options)?;
    Ok(found.map(|found| (found.token.expose_secret().to_owned(), found.user)))
}

fn encoded(text: &str) -> String {
    format!("Basic {}", STANDARD.encode(text))
}

#[test]
fn a_listed_user_name_stands_for_the_tokens_subject() {
    let any_user_names = ["x-access-token".to_owned(), "__token__".to_owned()].into();
    let options = CredentialOptions { any_user_names, ..CredentialOptions::default() };
    for (text, user) in [
        ("x-access-token:tok_x", None),
        ("__token__:tok_x", None),
        ("admin:tok_x", Some("admin")),
        ("X-Access-Token:tok_x", Some("X-Access-Token")),
        ("__token__ :tok_x", Some("__token__ ")),
        (":tok_x", Some("")),
    ] {
        let found = with(options.clone(), &encoded(text));
        assert_eq!(found, Ok(Some(("tok_x".into(), user.map(str::to_owned)))), "{text}");
        let found = header(&encoded(text)).unwrap().unwrap();
        assert!(found.1.is_some(), "off by default: {text}");
    }
}

#[test]
fn a_token_as_user_name_is_taken_only_if_that_is_accepted() {
    let options = CredentialOptions { token_as_user_name: true, ..CredentialOptions::default() };
    for text in ["tok_x:", "tok_x:x-oauth-basic"] {
        let found = with(options.clone(), &encoded(text));
        assert_eq!(found, Ok(Some(("tok_x".into(), None))), "{text}");
    }
    let both = with(options, &encoded("admin:tok_x"));
    assert_eq!(both, Ok(Some(("tok_x".into(), Some("admin".into())))));
    let off = header(&encoded("tok_x:x-oauth-basic"));
    assert_eq!(off, Err(CredentialsError::TokenAsUserName), "off by default");
}

#[test]
fn the_token_scheme_is_read_like_bearer_if_it_is_accepted() {
    let options = CredentialOptions { token_scheme: true, ..CredentialOptions::default() };
    for value in ["token tok_x", "Token  tok_x "] {
        assert_eq!(with(options.clone(), value), Ok(Some(("tok_x".into(), None))), "{value}");
    }
    assert_eq!(with(options.clone(), "token"), Err(CredentialsError::NoToken));
    assert_eq!(with(options, "token token tok_x"), Err(CredentialsError::TwoSchemes));
}

proptest! {
    #[test]
    fn any_user_and_token_come_through_basic_as_they_are(user in "[^:\\p{Cc}]{0,40}", token in "[0-9A-Za-z._~+/-]{1,80}") {
        prop_assert_eq!(basic_of(format!("{user}:{token}")), Ok(Some((token, Some(user)))));
    }

    #[test]
    fn no_header_makes_it_panic(value in proptest::collection::vec(32u8..=255, 0..200)) {
        let value: Vec<u8> = value.into_iter().filter(|&byte| byte != 127).collect();
        let _ = of("/", &[&value], InUrl::Refused);
    }
}
