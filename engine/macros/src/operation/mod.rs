//! The attribute `#[metalab::operation]`.

mod arguments;
mod builder;
mod expand;
mod inputs;
mod names;
mod options;
mod output;
#[cfg(test)]
mod tests;

pub(crate) use self::expand::{code_tokens, doc_text};
pub(crate) use self::names::{marker, upper_camel};
pub(crate) use self::options::{Seen, checked};
pub(crate) use self::output::returns_result;

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;

use crate::code;

/// What the attribute leaves in place of the function.
///
/// After a mistake the function still stands there, so that the only errors are ours.
pub(crate) fn attribute(options: TokenStream, item: TokenStream) -> TokenStream {
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(_) => {
            let error = syn::Error::new_spanned(
                &item,
                "an operation is a function: put `#[metalab::operation]` on a `fn` that stands in a module",
            );
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };
    let plain = arguments::without_our_attributes(&function);
    match write(options, &function) {
        Ok(written) => quote!(#plain #written),
        Err(error) => {
            let error = error.into_compile_error();
            quote!(#plain #error)
        }
    }
}

fn write(options: TokenStream, function: &ItemFn) -> syn::Result<TokenStream> {
    let mut errors = Errors::default();
    let options = errors.take(options::Options::parse(options));
    let signature = errors.take(arguments::Signature::of(function));
    let output = errors.take(output::Output::of(&function.sig.output));
    errors.finish()?;
    // `finish` has returned if one of them is missing.
    let (Some(options), Some(signature), Some(output)) = (options, signature, output) else {
        return Ok(TokenStream::new());
    };
    let names = names::Names::of(function, &options)?;
    let code = code::Code::of(function, options.grade, &options.uses)?;
    Ok(expand::expand(function, &options, &names, &signature, &output, &code))
}

/// Collects the mistakes, so that all of them are shown at once.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    pub(crate) fn finish(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
