//! The attributes `main` and `experiment`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::{ItemFn, LitStr, Path, ReturnType, parse_quote};

/// The path of the crate `metalab`, which is all that these attributes can be told.
fn root(options: TokenStream, attribute: &str) -> syn::Result<Path> {
    let mut root: Path = parse_quote!(::metalab);
    let options_parser = syn::meta::parser(|meta| {
        if !meta.path.is_ident("crate") {
            return Err(meta.error(format!("`{attribute}` has the option `crate = \"...\"`")));
        }
        let path: LitStr = meta.value()?.parse()?;
        root = path.parse_with(Path::parse_mod_style)?;
        Ok(())
    });
    options_parser.parse2(options)?;
    Ok(root)
}

/// Registers the experiment that a function makes.
pub(crate) fn experiment(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let root = root(options, "experiment")?;
    let function: ItemFn = syn::parse2(item)?;
    let signature = &function.sig;
    if !signature.inputs.is_empty() || signature.asyncness.is_some() || !signature.generics.params.is_empty()
    {
        return Err(syn::Error::new_spanned(
            signature,
            "an experiment is made by a plain function without arguments: `fn name() -> Experiment`",
        ));
    }
    if matches!(signature.output, ReturnType::Default) {
        return Err(syn::Error::new_spanned(
            signature,
            "this function returns the experiment: `-> Experiment`",
        ));
    }
    let name = &signature.ident;
    Ok(quote! {
        #function

        #root::__private::inventory::submit! {
            #root::experiment::ExperimentRegistration(#name)
        }
    })
}

/// Puts `init()` before the body; an empty one becomes the command line.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let root = root(options, "main")?;
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
    if function.block.stmts.is_empty() && matches!(function.sig.output, ReturnType::Default) {
        function.sig.output = parse_quote!(-> ::std::process::ExitCode);
        function.block = parse_quote!({ #root::command_line() });
        return Ok(function.into_token_stream());
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
    fn an_empty_main_is_the_command_line() {
        let text = expand(
            TokenStream::new(),
            quote!(
                fn main() {}
            ),
        )
        .unwrap()
        .to_string()
        .replace(' ', "");
        assert_eq!(text, "fnmain()->::std::process::ExitCode{::metalab::command_line()}");
    }

    #[test]
    fn experiments_are_registered_and_stay_functions() {
        let item = quote!(
            fn sweep() -> Experiment {
                build()
            }
        );
        let text = experiment(TokenStream::new(), item).unwrap().to_string().replace(' ', "");
        assert!(text.starts_with("fnsweep()->Experiment{build()}"), "{text}");
        assert!(text.contains("ExperimentRegistration(sweep)"), "{text}");
        for item in [
            quote!(
                fn sweep(k: u8) -> Experiment {}
            ),
            quote!(
                async fn sweep() -> Experiment {}
            ),
            quote!(
                fn sweep() {}
            ),
        ] {
            assert!(experiment(TokenStream::new(), item).is_err());
        }
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
