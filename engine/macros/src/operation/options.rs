//! What is written inside `#[metalab::operation(...)]`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Ident, LitInt, LitStr, Path, Token, parenthesized, parse_quote};

use crate::code::Grade;

const KNOWN: &str = "`name`, `version`, `code`, `uses(...)`, `metadata(...)`, `codec`, `params`, `type`, `cpus`, `memory`, `gpus`, `time`, `crate`";

/// The options of the attribute.
pub(crate) struct Options {
    /// Path of the crate `metalab`.
    pub(crate) root: Path,
    /// The recorded name.
    pub(crate) name: Option<LitStr>,
    /// The version given by hand.
    pub(crate) version: Option<LitStr>,
    /// How much code counts.
    pub(crate) grade: Grade,
    /// What counts beside it.
    pub(crate) uses: Vec<Path>,
    /// Keys of the experiment's metadata that it reads.
    pub(crate) metadata: Vec<LitStr>,
    /// The codec of the output.
    pub(crate) codec: Option<Path>,
    /// Name of the parameter struct.
    pub(crate) params: Option<Ident>,
    /// Name of the operation's type.
    pub(crate) type_name: Option<Ident>,
    /// What a run needs of the machine.
    cpus: Option<LitInt>,
    memory: Option<LitStr>,
    gpus: Option<LitInt>,
    /// How long a run takes at most.
    time: Option<LitStr>,
}

impl Options {
    pub(crate) fn parse(tokens: TokenStream) -> syn::Result<Self> {
        let mut options = Self {
            root: parse_quote!(::metalab),
            name: None,
            version: None,
            grade: Grade::Reach,
            uses: Vec::new(),
            metadata: Vec::new(),
            codec: None,
            params: None,
            type_name: None,
            cpus: None,
            memory: None,
            gpus: None,
            time: None,
        };
        let mut seen = Seen::default();
        for option in Punctuated::<Opt, Token![,]>::parse_terminated.parse2(tokens)? {
            seen.once(option.key, option.span)?;
            match option.value {
                Value::Root(path) => options.root = path,
                Value::Name(name) => options.name = Some(checked(name, "name")?),
                Value::Version(version) => options.version = Some(checked(version, "version")?),
                Value::Grade(grade) => options.grade = grade,
                Value::Uses(paths) => options.uses = paths,
                Value::Metadata(keys) => options.metadata = keys,
                Value::Codec(path) => options.codec = Some(path),
                Value::Params(ident) => options.params = Some(ident),
                Value::Type(ident) => options.type_name = Some(ident),
                Value::Cpus(number) => options.cpus = Some(number),
                Value::Memory(text) => options.memory = Some(text),
                Value::Gpus(number) => options.gpus = Some(number),
                Value::Time(text) => options.time = Some(text),
            }
        }
        if let Some(path) = options.uses.first()
            && !matches!(options.grade, Grade::Reach | Grade::Body)
        {
            return Err(syn::Error::new_spanned(
                path,
                "`uses(...)` has no meaning here: the grades `binary` and `manual` do not look at items; leave it out or use `code = \"reach\"`",
            ));
        }
        if let Some(memory) = &options.memory {
            bytes(memory)?;
        }
        if let Some(time) = &options.time {
            seconds(time)?;
        }
        Ok(options)
    }

    /// The statement that notes what a run needs of the machine.
    pub(crate) fn resources(&self, root: &Path) -> TokenStream {
        let cpus = self.cpus.iter().map(|number| quote!(.cpus(#number)));
        let memory = self.memory.as_ref().and_then(|text| bytes(text).ok());
        let memory = memory.iter().map(|bytes| quote!(.memory(#bytes)));
        let gpus = self.gpus.iter().map(|number| quote!(.gpus(#number)));
        let time = self.time.as_ref().and_then(|text| seconds(text).ok());
        let time = time.iter().map(|seconds| quote!(.time(::core::time::Duration::from_secs(#seconds))));
        let calls: Vec<TokenStream> = cpus.chain(memory).chain(gpus).chain(time).collect();
        match calls.is_empty() {
            true => TokenStream::new(),
            false => quote!(description.resources = #root::schedule::Resources::default()#(#calls)*;),
        }
    }
}

/// The options that were given already.
#[derive(Default)]
pub(crate) struct Seen(Vec<String>);

impl Seen {
    /// Refuses an option that was given before.
    pub(crate) fn once(&mut self, key: String, span: Span) -> syn::Result<()> {
        if self.0.contains(&key) {
            return Err(syn::Error::new(span, format!("the option `{key}` is given twice")));
        }
        self.0.push(key);
        Ok(())
    }

    /// The same for options that `syn` reads.
    pub(crate) fn once_in(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        self.once(meta.path.to_token_stream().to_string(), meta.path.span())
    }
}

struct Opt {
    key: String,
    span: Span,
    value: Value,
}

enum Value {
    Root(Path),
    Name(LitStr),
    Version(LitStr),
    Grade(Grade),
    Uses(Vec<Path>),
    Metadata(Vec<LitStr>),
    Codec(Path),
    Params(Ident),
    Type(Ident),
    Cpus(LitInt),
    Memory(LitStr),
    Gpus(LitInt),
    Time(LitStr),
}

impl Parse for Opt {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        // `type` and `crate` are keywords and options.
        let key = Ident::parse_any(input)?;
        let name = key.to_string();
        let value = match name.as_str() {
            "uses" => {
                if !input.peek(syn::token::Paren) {
                    return Err(syn::Error::new(
                        key.span(),
                        "write `uses(item, path::to::item, crate_name)`",
                    ));
                }
                let list;
                parenthesized!(list in input);
                let paths =
                    Punctuated::<Path, Token![,]>::parse_terminated_with(&list, Path::parse_mod_style)?;
                Value::Uses(paths.into_iter().collect())
            }
            "metadata" => Value::Metadata(keys(&key, input)?),
            "name" => Value::Name(text(&key, input)?),
            "version" => Value::Version(text(&key, input)?),
            "code" => Value::Grade(grade(&text(&key, input)?)?),
            "params" => Value::Params(ident(&key, input)?),
            "type" => Value::Type(ident(&key, input)?),
            "codec" => Value::Codec(path(&key, input)?),
            "crate" => Value::Root(path(&key, input)?),
            "cpus" => Value::Cpus(number(&key, input)?),
            "memory" => Value::Memory(text(&key, input)?),
            "gpus" => Value::Gpus(number(&key, input)?),
            "time" => Value::Time(text(&key, input)?),
            _ => {
                let message = format!("there is no option `{name}` of an operation; there are {KNOWN}");
                return Err(syn::Error::new(key.span(), message));
            }
        };
        Ok(Self { key: name, span: key.span(), value })
    }
}

fn text(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let wrong = || format!("`{key}` takes text: `{key} = \"...\"`");
    input.parse::<Token![=]>().map_err(|_| syn::Error::new(key.span(), wrong()))?;
    let span = input.span();
    input.parse().map_err(|_| syn::Error::new(span, wrong()))
}

/// `("cohort", "site")`.
fn keys(key: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<LitStr>> {
    let wrong = || {
        syn::Error::new(
            key.span(),
            "write the keys that the operation reads: `metadata(\"cohort\", \"site\")`",
        )
    };
    if !input.peek(syn::token::Paren) {
        return Err(wrong());
    }
    let list;
    parenthesized!(list in input);
    let keys: Punctuated<LitStr, Token![,]> = Punctuated::parse_terminated(&list).map_err(|_| wrong())?;
    let mut seen: Vec<String> = Vec::new();
    for key in &keys {
        let text = key.value();
        if text.trim().is_empty() || seen.contains(&text) {
            let message = "the keys of metadata are names, each given once";
            return Err(syn::Error::new(key.span(), message));
        }
        seen.push(text);
    }
    if keys.is_empty() { Err(wrong()) } else { Ok(keys.into_iter().collect()) }
}

fn ident(key: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
    let text = text(key, input)?;
    text.parse()
        .map_err(|_| syn::Error::new(text.span(), format!("`{}` cannot be the name of a type", text.value())))
}

/// A number from 1.
fn number(key: &Ident, input: ParseStream<'_>) -> syn::Result<LitInt> {
    let wrong = || format!("`{key}` takes a number from 1: `{key} = 4`");
    input.parse::<Token![=]>().map_err(|_| syn::Error::new(key.span(), wrong()))?;
    let span = input.span();
    let number: LitInt = input.parse().map_err(|_| syn::Error::new(span, wrong()))?;
    match number.base10_parse::<u32>() {
        Ok(1..) => Ok(number),
        _ => Err(syn::Error::new(span, wrong())),
    }
}

/// Bytes of `64 MiB`, `2 GB`, `1000`.
fn bytes(text: &LitStr) -> syn::Result<u64> {
    let value = text.value();
    let digits = value.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: u64 = match value[digits.len()..].trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => 0,
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    number.filter(|bytes| *bytes > 0).ok_or_else(|| {
        let message = "`memory` takes a number of bytes with a unit: `memory = \"2 GiB\"` (B, kB, MB, GB, KiB, MiB, GiB)";
        syn::Error::new(text.span(), message)
    })
}

/// Seconds of `90 s`, `30 min`, `2h`, `1d`.
fn seconds(text: &LitStr) -> syn::Result<u64> {
    let value = text.value();
    let digits = value.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: u64 = match value[digits.len()..].trim() {
        "s" => 1,
        "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => 0,
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    // What is kept has microseconds.
    number.filter(|seconds| (1..=u64::MAX / 1_000_000).contains(seconds)).ok_or_else(|| {
        let message = "`time` takes a whole number with a unit, the longest that one run takes: `time = \"2 h\"` (s, min, h, d)";
        syn::Error::new(text.span(), message)
    })
}

/// A path, bare or as text.
fn path(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    let wrong = || format!("`{key}` takes a path: `{key} = path::to::it`");
    input.parse::<Token![=]>().map_err(|_| syn::Error::new(key.span(), wrong()))?;
    let span = input.span();
    if input.peek(LitStr) {
        let text: LitStr = input.parse()?;
        text.parse_with(Path::parse_mod_style).map_err(|_| syn::Error::new(span, wrong()))
    } else {
        input.parse().map_err(|_| syn::Error::new(span, wrong()))
    }
}

fn grade(text: &LitStr) -> syn::Result<Grade> {
    Grade::named(&text.value()).ok_or_else(|| {
        let message = format!(
            "there is no code grade `{}`; there are `reach` (the function and all it reaches in its crate), `body` (the function alone), `binary` (the executable) and `manual` (the version alone)",
            text.value()
        );
        syn::Error::new(text.span(), message)
    })
}

/// Refuses names that could not stand in a path, a table or a message.
pub(crate) fn checked(text: LitStr, what: &str) -> syn::Result<LitStr> {
    let value = text.value();
    let fine = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
    let message = if value.is_empty() {
        format!("the {what} must not be empty")
    } else if value.chars().count() > 200 {
        format!("the {what} has at most 200 characters")
    } else if !value.chars().all(fine) || value.starts_with('.') {
        format!(
            "the {what} `{value}` has a character that may not stand there: use letters, digits, `_`, `-`, `.`"
        )
    } else {
        return Ok(text);
    };
    Err(syn::Error::new(text.span(), message))
}
