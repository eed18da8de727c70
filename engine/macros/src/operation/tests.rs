//! What is written for a function, as tokens; that it compiles is shown by the engine's tests.

use proc_macro2::TokenStream;
use quote::quote;

use super::attribute;

/// The expansion without spaces; it is a file of Rust.
fn written(options: TokenStream, item: TokenStream) -> String {
    let tokens = attribute(options, item);
    syn::parse2::<syn::File>(tokens.clone()).unwrap_or_else(|error| panic!("{error}: {tokens}"));
    let text = tokens.to_string();
    assert!(!text.contains("compile_error"), "{text}");
    text.replace([' ', '\n'], "")
}

fn has(text: &str, part: TokenStream) {
    let part = part.to_string().replace([' ', '\n'], "");
    assert!(text.contains(&part), "{part}\n is not in\n{text}");
}

fn manual() -> TokenStream {
    quote!(code = "manual")
}

#[test]
fn the_function_stays_plain() {
    let text = written(
        manual(),
        quote! {
            /// Doc.
            #[inline]
            pub(crate) fn estimate_pi(
                /// How many darts.
                n_samples: u64,
                #[default(0.5)] #[serde(alias = "r")] radius: f64,
                #[rename("grid_size")] grid: u8,
                seeds: &SeedBundle,
            ) -> metalab::Result<f64> { Ok(1.0) }
        },
    );
    has(
        &text,
        quote! {
            #[inline]
            pub(crate) fn estimate_pi(n_samples: u64, radius: f64, grid: u8, seeds: &SeedBundle,) -> metalab::Result<f64> { Ok(1.0) }
        },
    );
    has(
        &text,
        quote!(
            pub(crate) struct EstimatePi;
        ),
    );
    has(&text, quote!(pub n_samples: u64,));
    has(
        &text,
        quote!(#[serde(default = "EstimatePiParams::__default_radius")] #[serde(alias = "r")] pub radius: f64,),
    );
    has(&text, quote!(pub grid_size: u8,));
    has(&text, quote!(#[serde(crate = "::metalab::__private::serde", deny_unknown_fields)]));
    has(
        &text,
        quote!(
            fn __default_radius() -> f64 {
                0.5
            }
        ),
    );
    has(
        &text,
        quote!(estimate_pi(
            __params.n_samples,
            __params.radius,
            __params.grid_size,
            <SeedBundle as ::metalab::operation::Lent>::lend(__run)?
        )),
    );
    has(&text, quote!(description.doc = "Doc.";));
    has(
        &text,
        quote!(
            type Codec = ::metalab::codec::Json;
        ),
    );
    has(&text, quote!(.lent(<SeedBundle as ::metalab::operation::Lent>::KIND)));
    has(&text, quote!(name: "grid_size", type_name: "u8", default: ::core::option::Option::None));
    has(&text, quote!(digest: ::core::option::Option::None, items: &[]));
}

#[test]
fn the_builder_has_a_state_for_each_argument_without_default() {
    let text = written(
        manual(),
        quote!(
            fn train(k: u8, #[default(1)] seed: u64, path: FilePath) -> u8 {
                k
            }
        ),
    );
    has(&text, quote!(struct TrainGrid<const K_GIVEN: bool = false, const PATH_GIVEN: bool = false>));
    has(&text, quote!(pub fn grid() -> TrainGrid<false, false>));
    has(&text, quote!(impl<const PATH_GIVEN: bool> TrainGrid<false, PATH_GIVEN>));
    has(&text, quote!(-> TrainGrid<true, PATH_GIVEN>));
    has(
        &text,
        quote!(pub fn seed(self, values: impl ::metalab::params::IntoAxis<u64>) -> TrainGrid<K_GIVEN, PATH_GIVEN>),
    );
    has(&text, quote!(message = "the argument `k` of operation `train` is not set"));
    assert!(!text.contains("argument`seed`ofoperation"));
    written(
        manual(),
        quote!(
            fn nothing() {}
        ),
    );
}

#[test]
fn options_are_obeyed() {
    let text = written(
        quote!(name = "fit.v2", version = "7", type = "Fit", params = "FitArguments", codec = my::Codec, crate = "crate", code = "body"),
        quote!(
            fn train(r#type: String, #[default("adam")] optimizer: String) -> Vec<f64> {
                vec![]
            }
        ),
    );
    assert!(
        text.contains(r#"crate::operation::Description::new(::core::env!("CARGO_PKG_NAME"),"fit.v2","7","#),
        "{text}"
    );
    has(
        &text,
        quote!(
            struct Fit;
        ),
    );
    has(&text, quote!(struct FitArguments));
    has(
        &text,
        quote!(
            type Codec = my::Codec;
        ),
    );
    has(&text, quote!(#[serde(crate = "crate::__private::serde", deny_unknown_fields)]));
    assert!(text.contains(r#"self.sweep.axis("type",crate::params::IntoAxis"#), "{text}");
    has(&text, quote!(__default_optimizer() -> String { ::std::string::String::from("adam") }));
    has(&text, quote!(grade: crate::code::Grade::Body, digest: ::core::option::Option::Some));
    assert!(!text.contains("::metalab::"));
}

#[test]
fn configuration_is_copied_to_all_that_is_written() {
    let text = written(
        manual(),
        quote!(
            #[cfg(feature = "x")]
            fn train(k: u8) {}
        ),
    );
    assert_eq!(text.matches("#[cfg(feature=\"x\")]").count(), 6);
}

/// Each mistake, and a part of what is said about it.
#[test]
fn mistakes_are_explained() {
    for (options, item, part) in [
        (
            quote!(),
            quote!(
                struct S;
            ),
            "an operation is a function",
        ),
        (
            quote!(),
            quote!(
                fn f(x: &str) {}
            ),
            "take `String`, not `&str`",
        ),
        (
            quote!(),
            quote!(
                fn f(x: &[f64]) {}
            ),
            "take `Vec<f64>`, not `&[f64]`",
        ),
        (
            quote!(),
            quote!(
                fn f(x: &mut Capture) {}
            ),
            "takes nothing by `&mut`",
        ),
        (
            quote!(),
            quote!(
                fn f(x: &String) {}
            ),
            "take `String`, not a reference",
        ),
        (
            quote!(),
            quote!(
                fn f(x: &Vec<f64>) {}
            ),
            "take `Vec<f64>`, not a reference",
        ),
        (
            quote!(),
            quote!(
                fn f(x: &Path) {}
            ),
            "`FilePath` or `DirPath` by value",
        ),
        (
            quote!(),
            quote!(
                fn f(x: &dyn Model) {}
            ),
            "data, not behaviour",
        ),
        (
            quote!(),
            quote!(
                fn f(x: &'static Capture) {}
            ),
            "no lifetime of its own",
        ),
        (
            quote!(),
            quote!(
                fn f(x: Option<&str>) {}
            ),
            "no references inside",
        ),
        (
            quote!(),
            quote!(
                fn f<T>(x: T) {}
            ),
            "no generic parameters",
        ),
        (
            quote!(),
            quote!(
                fn f(x: impl Into<f64>) {}
            ),
            "no `impl Trait`",
        ),
        (
            quote!(),
            quote!(
                fn f(self, x: u8) {}
            ),
            "a free function without `self`",
        ),
        (
            quote!(),
            quote!(
                async fn f() {}
            ),
            "not `async`",
        ),
        (
            quote!(),
            quote!(
                unsafe fn f() {}
            ),
            "make the function safe",
        ),
        (
            quote!(),
            quote!(
                extern "C" fn f() {}
            ),
            "leave `extern` out",
        ),
        (
            quote!(),
            quote!(
                fn f((a, b): (u8, u8)) {}
            ),
            "give this argument a name",
        ),
        (
            quote!(),
            quote!(
                fn f(_: u8) {}
            ),
            "give this argument a name",
        ),
        (
            quote!(),
            quote!(
                fn f(named: u8) {}
            ),
            "#[rename(\\\"named_\\\")]",
        ),
        (
            quote!(),
            quote!(
                fn f(grid: u8) {}
            ),
            "an argument cannot be called `grid`",
        ),
        (
            quote!(),
            quote!(
                fn f(x: fn(u8) -> u8) {}
            ),
            "an argument is data that is recorded",
        ),
        (
            quote!(),
            quote!(
                fn f(#[serde(skip)] x: u8) {}
            ),
            "missing from the run's identity",
        ),
        (
            quote!(),
            quote!(
                fn f(#[serde(rename = "y")] x: u8) {}
            ),
            "write `#[rename(",
        ),
        (
            quote!(),
            quote!(
                fn f(#[serde(flatten)] x: X) {}
            ),
            "one column",
        ),
        (
            quote!(),
            quote!(
                fn f(#[default] x: u8) {}
            ),
            "a default is written",
        ),
        (
            quote!(),
            quote!(
                fn f(
                    #[default(1)]
                    #[serde(default)]
                    x: u8,
                ) {
                }
            ),
            "already gives the default",
        ),
        (
            quote!(),
            quote!(
                fn f(#[default(1)] x: &Capture) {}
            ),
            "arguments the operation owns",
        ),
        (
            quote!(),
            quote!(
                fn f(#[rename("1x")] x: u8) {}
            ),
            "cannot be a name",
        ),
        (
            quote!(),
            quote!(
                fn f(#[cfg(unix)] x: u8) {}
            ),
            "do not depend on the configuration",
        ),
        (
            quote!(),
            quote!(
                fn f(a: u8, #[rename("a")] b: u8) {}
            ),
            "two arguments are called `a`",
        ),
        (
            quote!(),
            quote!(
                fn f() -> &'static str {
                    ""
                }
            ),
            "not a reference",
        ),
        (
            quote!(),
            quote!(
                fn f() -> impl Fn() {}
            ),
            "must have a name",
        ),
        (
            quote!(),
            quote!(
                fn F() {}
            ),
            "name the function in snake_case",
        ),
        (
            quote!(vresion = "2"),
            quote!(
                fn f() {}
            ),
            "there is no option `vresion`",
        ),
        (
            quote!(version = 2),
            quote!(
                fn f() {}
            ),
            "`version` takes text",
        ),
        (
            quote!(version = "1", version = "2"),
            quote!(
                fn f() {}
            ),
            "given twice",
        ),
        (
            quote!(code = "all"),
            quote!(
                fn f() {}
            ),
            "there is no code grade `all`",
        ),
        (
            quote!(code = "manual", uses(g)),
            quote!(
                fn f() {}
            ),
            "has no meaning here",
        ),
        (
            quote!(uses = "g"),
            quote!(
                fn f() {}
            ),
            "write `uses(item",
        ),
        (
            quote!(time = "2 weeks"),
            quote!(
                fn f() {}
            ),
            "`time` takes a whole number with a unit",
        ),
        (
            quote!(time = "99999999999999 d"),
            quote!(
                fn f() {}
            ),
            "(s, min, h, d)",
        ),
        (
            quote!(uses(nobody_at_all)),
            quote!(
                fn f() {}
            ),
            "`nobody_at_all` is neither",
        ),
        (
            quote!(name = "a/b"),
            quote!(
                fn f() {}
            ),
            "may not stand there",
        ),
        (
            quote!(name = ""),
            quote!(
                fn f() {}
            ),
            "must not be empty",
        ),
        (
            quote!(type = "a b"),
            quote!(
                fn f() {}
            ),
            "cannot be the name of a type",
        ),
    ] {
        let text = attribute(options, item.clone()).to_string();
        assert!(text.contains("compile_error") && text.contains(part), "{item}: {part}\n{text}");
    }
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let text = attribute(
        quote!(),
        quote!(
            async fn f(a: &str, b: &mut u8) -> &str {}
        ),
    )
    .to_string();
    assert_eq!(text.matches("compile_error").count(), 4, "{text}");
}
