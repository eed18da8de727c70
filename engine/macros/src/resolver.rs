//! The attribute for functions over a parameter set.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;
use syn::{FnArg, Ident, ItemFn, LitStr, Path, ReturnType, Type, parse_quote};

use crate::operation::{Seen, checked, marker};

/// What the attribute said.
struct Options {
    root: Path,
    type_name: Option<Ident>,
    name: Option<LitStr>,
}

impl Options {
    fn parse(tokens: TokenStream) -> syn::Result<Self> {
        let mut options = Self { root: parse_quote!(::metalab), type_name: None, name: None };
        let mut seen = Seen::default();
        let parser = syn::meta::parser(|meta| {
            seen.once_in(&meta)?;
            if meta.path.is_ident("crate") {
                options.root = meta.value()?.parse::<LitStr>()?.parse()?;
            } else if meta.path.is_ident("type") {
                options.type_name = Some(meta.value()?.parse::<LitStr>()?.parse()?);
            } else if meta.path.is_ident("name") {
                options.name = Some(checked(meta.value()?.parse()?, "name")?);
            } else {
                return Err(meta.error("`resolver` knows the options `type`, `name` and `crate`"));
            }
            Ok(())
        });
        parser.parse2(tokens)?;
        Ok(options)
    }
}

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let Options { root, type_name, name } = Options::parse(options)?;
    let function: ItemFn = syn::parse2(item)?;
    let signature = &function.sig;
    let takes_a_set = match signature.inputs.first() {
        Some(FnArg::Typed(argument)) => {
            matches!(&*argument.ty, Type::Reference(reference) if reference.mutability.is_none())
        }
        _ => false,
    };
    let is_plain = signature.asyncness.is_none() && signature.generics.params.is_empty();
    if !takes_a_set || signature.inputs.len() != 1 || !is_plain {
        return Err(syn::Error::new_spanned(
            signature,
            "a resolver is a plain function over a parameter set: `fn name(set: &metalab::params::Params) -> ...`",
        ));
    }
    let ReturnType::Type(_, answer) = &signature.output else {
        return Err(syn::Error::new_spanned(
            signature,
            "a resolver returns what it finds: a value, an `Option` of it, or a `Result` of either",
        ));
    };
    let ident = &signature.ident;
    let (plain, marker) = marker(ident, type_name.as_ref(), "resolver", "resolver")?;
    let recorded = name.as_ref().map_or(plain, LitStr::value);
    let visibility = &function.vis;
    let cfgs: Vec<_> = function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect();
    let doc = format!("The resolver `{recorded}`.");
    let value = quote!(<#answer as #root::params::Answer>::Value);
    Ok(quote! {
        #function

        #(#cfgs)*
        #[doc = #doc]
        #[derive(Clone, Copy, Debug)]
        #[allow(dead_code)]
        #visibility struct #marker;

        #(#cfgs)*
        const _: () = {
            #[automatically_derived]
            impl #root::params::Resolver for #marker {
                type Value = #value;

                const NAME: &'static str = ::core::concat!(::core::env!("CARGO_PKG_NAME"), "::", #recorded);

                fn resolve(
                    set: &#root::params::Params,
                ) -> #root::Result<::core::option::Option<#root::__private::Value>> {
                    let found = #root::params::Answer::answer(#ident(set))?;
                    let found = ::core::option::Option::as_ref(&found);
                    let value = ::core::option::Option::map(found, #root::__private::Value::from_serde);
                    ::core::result::Result::map_err(
                        ::core::option::Option::transpose(value),
                        ::core::convert::Into::into,
                    )
                }
            }

            #[automatically_derived]
            impl<T> #root::params::IntoAxis<T> for #marker
            where
                #value: #root::params::Fits<T>,
            {
                fn into_axis(self) -> #root::params::AxisValues {
                    #root::params::AxisValues::resolved(self)
                }
            }

            #root::__private::inventory::submit! {
                #root::params::ResolverRegistration {
                    resolver: #root::params::ResolverRef::of::<#marker>(),
                    module: ::core::module_path!(),
                }
            }
        };
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_is_registered_and_stays_a_function() {
        let item = quote!(
            pub fn momentum(set: &Params) -> Option<f64> {
                None
            }
        );
        let text = expand(TokenStream::new(), item).unwrap().to_string().replace(' ', "");
        assert!(text.starts_with("pubfnmomentum(set:&Params)->Option<f64>{None}"), "{text}");
        assert!(
            text.contains("pubstructMomentum;") && text.contains("ResolverRef::of::<Momentum>()"),
            "{text}"
        );
    }

    #[test]
    fn mistakes_are_explained() {
        for (options, item, part) in [
            (
                quote!(),
                quote!(
                    fn f() -> f64 {}
                ),
                "plain function",
            ),
            (
                quote!(),
                quote!(
                    fn f(set: Params) -> f64 {}
                ),
                "plain function",
            ),
            (
                quote!(),
                quote!(
                    async fn f(set: &Params) -> f64 {}
                ),
                "plain function",
            ),
            (
                quote!(),
                quote!(
                    fn f<T>(set: &Params) -> T {}
                ),
                "plain function",
            ),
            (
                quote!(),
                quote!(
                    fn f(set: &Params) {}
                ),
                "returns what it finds",
            ),
            (
                quote!(),
                quote!(
                    fn F(set: &Params) -> f64 {}
                ),
                "like the function",
            ),
            (
                quote!(name = "a/b"),
                quote!(
                    fn f(set: &Params) -> f64 {}
                ),
                "may not stand there",
            ),
            (
                quote!(name = "a", name = "b"),
                quote!(
                    fn f(set: &Params) -> f64 {}
                ),
                "`name` is given twice",
            ),
            (
                quote!(colour = "red"),
                quote!(
                    fn f(set: &Params) -> f64 {}
                ),
                "options `type`",
            ),
        ] {
            let error = expand(options, item).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
