//! The attribute `#[metalab::derived]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{FnArg, Ident, ItemFn, LitStr, Path, Token, Type, parenthesized, parse_quote};

use crate::code::{Code, Grade};
use crate::operation::{Errors, Seen, checked, code_tokens, doc_text, marker, returns_result};

const KNOWN: &str = "`name`, `version`, `code`, `uses(...)`, `metrics(...)`, `type`, `crate`";

struct Options {
    root: Path,
    name: Option<LitStr>,
    version: Option<LitStr>,
    grade: Grade,
    uses: Vec<Path>,
    metrics: Vec<LitStr>,
    type_name: Option<Ident>,
}

impl Options {
    fn parse(tokens: TokenStream) -> syn::Result<Self> {
        let mut options = Self {
            root: parse_quote!(::metalab),
            name: None,
            version: None,
            grade: Grade::Reach,
            uses: Vec::new(),
            metrics: Vec::new(),
            type_name: None,
        };
        let mut seen = Seen::default();
        let parser = syn::meta::parser(|meta| {
            seen.once_in(&meta)?;
            options.take(&meta)
        });
        parser.parse2(tokens)?;
        Ok(options)
    }

    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match key.as_str() {
            "name" => self.name = Some(checked(meta.value()?.parse()?, "name")?),
            "version" => self.version = Some(checked(meta.value()?.parse()?, "version")?),
            "code" => {
                let text: LitStr = meta.value()?.parse()?;
                let unknown = || {
                    let message = "the code grades are `reach`, `body`, `binary` and `manual`";
                    syn::Error::new(text.span(), message)
                };
                self.grade = Grade::named(&text.value()).ok_or_else(unknown)?;
            }
            "uses" => {
                let list;
                parenthesized!(list in meta.input);
                self.uses =
                    Punctuated::<Path, Token![,]>::parse_terminated_with(&list, Path::parse_mod_style)?
                        .into_iter()
                        .collect();
            }
            "metrics" => {
                let list;
                parenthesized!(list in meta.input);
                self.metrics =
                    Punctuated::<LitStr, Token![,]>::parse_terminated(&list)?.into_iter().collect();
            }
            "type" => {
                let text: LitStr = meta.value()?.parse()?;
                self.type_name = Some(text.parse()?);
            }
            "crate" => {
                let text: LitStr = meta.value()?.parse()?;
                self.root = text.parse_with(Path::parse_mod_style)?;
            }
            _ => return Err(meta.error(format!("a derived metric has the options {KNOWN}"))),
        }
        Ok(())
    }
}

/// What the attribute leaves in place of the function.
pub(crate) fn attribute(options: TokenStream, item: TokenStream) -> TokenStream {
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(_) => {
            let message =
                "a derived metric is a function of a run: `fn name(run: &RunResult) -> metalab::Result<f64>`";
            let error = syn::Error::new_spanned(&item, message).into_compile_error();
            return quote!(#error #item);
        }
    };
    let written = write(options, &function).unwrap_or_else(syn::Error::into_compile_error);
    quote!(#function #written)
}

fn write(options: TokenStream, function: &ItemFn) -> syn::Result<TokenStream> {
    let mut errors = Errors::default();
    let options = errors.take(Options::parse(options));
    errors.take(check(function));
    errors.finish()?;
    let Some(options) = options else { return Ok(TokenStream::new()) };
    let code = Code::of(function, options.grade, &options.uses)?;

    let root = &options.root;
    let ident = &function.sig.ident;
    let (plain, marker) = marker(ident, options.type_name.as_ref(), "derived metric", "derived")?;
    let name = options.name.as_ref().map_or(plain, LitStr::value);
    let version = options.version.as_ref().map_or_else(|| "1".to_owned(), LitStr::value);
    let metrics = &options.metrics;
    let code = code_tokens(root, &code);
    let doc = doc_text(&function.attrs);
    let marker_doc = if doc.is_empty() { format!("The derived metric `{name}`.") } else { doc.clone() };
    let visibility = &function.vis;
    let cfgs: Vec<_> = function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect();
    let value = match returns_result(&function.sig.output) {
        true => quote! {
            match #ident(run) {
                ::core::result::Result::Ok(returned) => returned,
                ::core::result::Result::Err(error) => return ::core::result::Result::Err(error.into()),
            }
        },
        false => quote!(#ident(run)),
    };
    Ok(quote! {
        #(#cfgs)*
        #[doc = #marker_doc]
        #[derive(Clone, Copy, Debug)]
        #[allow(dead_code)]
        #visibility struct #marker;

        #(#cfgs)*
        const _: () = {
            #[automatically_derived]
            #[allow(clippy::useless_conversion, clippy::unit_arg, clippy::let_unit_value, deprecated)]
            impl #root::derived::Derive for #marker {
                fn describe() -> #root::derived::Description {
                    let mut description = #root::derived::Description::new(
                        ::core::env!("CARGO_PKG_NAME"),
                        #name,
                        #version,
                        #code,
                    );
                    description.doc = #doc;
                    description.module = ::core::module_path!();
                    description.metrics = &[#(#metrics),*];
                    description
                }

                fn call(run: &#root::results::RunResult) -> #root::Result<#root::derived::Metrics> {
                    let returned = #value;
                    ::core::result::Result::Ok(#root::derived::Metrics::of(#name, &returned)?)
                }
            }

            #root::__private::inventory::submit! {
                #root::derived::Registration(|| #root::derived::DerivedFunction::of::<#marker>())
            }
        };
    })
}

/// One run in, by reference; nothing generic, nothing asynchronous.
fn check(function: &ItemFn) -> syn::Result<()> {
    let signature = &function.sig;
    if let Some(asyncness) = &signature.asyncness {
        return Err(syn::Error::new_spanned(
            asyncness,
            "a derived metric is computed at once: leave `async` out",
        ));
    }
    if !signature.generics.params.is_empty() {
        let message = "a derived metric has no generic parameters: it is known by its name alone";
        return Err(syn::Error::new_spanned(&signature.generics, message));
    }
    let one_run = "a derived metric takes a finished run and nothing else: `run: &RunResult`";
    let mut inputs = signature.inputs.iter();
    match (inputs.next(), inputs.next()) {
        (Some(FnArg::Typed(run)), None) => match &*run.ty {
            Type::Reference(reference) if reference.mutability.is_none() => Ok(()),
            other => Err(syn::Error::new_spanned(other, one_run)),
        },
        (None, _) => Err(syn::Error::new(signature.paren_token.span.join(), one_run)),
        (Some(_), Some(second)) => Err(syn::Error::new_spanned(second, one_run)),
        (Some(receiver), None) => Err(syn::Error::new_spanned(receiver, one_run)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn options_are_given_once() {
        assert_eq!(Options::parse(quote!(name = "a", metrics("b"))).unwrap().metrics.len(), 1);
        let error = Options::parse(quote!(name = "a", version = "1", name = "b")).err().unwrap();
        assert_eq!(error.to_string(), "the option `name` is given twice");
    }
}
