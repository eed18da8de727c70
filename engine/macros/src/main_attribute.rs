//! The attribute `main`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::{ItemFn, LitStr, Path, parse_quote};

/// Puts `init()` before the body.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let mut root: Path = parse_quote!(::metalab);
    let options_parser = syn::meta::parser(|meta| {
        if !meta.path.is_ident("crate") {
            return Err(meta.error("`main` has the option `crate = \"...\"`"));
        }
        let path: LitStr = meta.value()?.parse()?;
        root = path.parse_with(Path::parse_mod_style)?;
        Ok(())
    });
    options_parser.parse2(options)?;
    let mut function: ItemFn = syn::parse2(item)?;
    if let Some(asyncness) = function.sig.asyncness {
        return Err(syn::Error::new_spanned(
            asyncness,
            "workers must be up before a runtime is: write a plain `fn main`, and start the runtime inside it",
        ));
    }
    if !function.sig.inputs.is_empty() {
        return Err(syn::Error::new_spanned(
            &function.sig.inputs,
            "`main` takes nothing; read arguments from `std::env::args`",
        ));
    }
    function.block.stmts.insert(0, syn::parse2(quote!(#root::init();))?);
    Ok(function.into_token_stream())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn init_comes_first_and_the_rest_stays() {
        let item = quote!(
            fn main() -> Result<(), String> {
                work()
            }
        );
        let text = expand(TokenStream::new(), item.clone()).unwrap().to_string().replace(' ', "");
        assert_eq!(text, "fnmain()->Result<(),String>{::metalab::init();work()}");
        let text = expand(quote!(crate = "other::place"), item).unwrap().to_string().replace(' ', "");
        assert!(text.contains("{other::place::init();work()}"), "{text}");
    }

    #[test]
    fn mistakes_are_explained() {
        for (options, item, part) in [
            (
                quote!(),
                quote!(
                    async fn main() {}
                ),
                "plain `fn main`",
            ),
            (
                quote!(),
                quote!(
                    fn main(x: u8) {}
                ),
                "std::env::args",
            ),
            (
                quote!(flavor = "x"),
                quote!(
                    fn main() {}
                ),
                "option `crate",
            ),
        ] {
            let error = expand(options, item).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
