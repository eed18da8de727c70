//! Writes the builder of a grid: `Train::grid().k([1, 3]).weights(...)`.
//!
//! It has one `bool` parameter per argument without default, which its setter turns from `false` into `true`. A
//! builder is a sweep only when all are true; what is missing is named by a trait made for that argument alone.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Ident, Path, Visibility};

use super::arguments::{Owned, Signature};
use super::names::{Names, upper_camel};

pub(crate) fn builder(
    root: &Path,
    names: &Names,
    signature: &Signature,
    visibility: &Visibility,
    cfgs: &[&Attribute],
) -> TokenStream {
    let Names { marker, grid, operation, .. } = names;
    let needed: Vec<&Owned> = signature.owned().filter(|owned| owned.default.is_none()).collect();
    let states: Vec<Ident> = needed.iter().map(|owned| state(owned)).collect();
    let setters = signature.owned().map(|owned| {
        let own = needed.iter().position(|other| other.name == owned.name);
        setter(root, grid, owned, &states, own)
    });

    let doc = format!("A sweep of the operation `{operation}` over the values of its arguments.");
    let start_doc = format!("Starts a sweep of `{operation}` over all combinations of the given values.");
    let start = states.iter().map(|_| quote!(false));
    let checks: Vec<Ident> = needed.iter().map(|owned| format_ident!("{}IsGiven", camel(owned))).collect();
    let holders: Vec<Ident> = needed.iter().map(|owned| format_ident!("{}Argument", camel(owned))).collect();
    let traits = needed.iter().zip(&checks).zip(&holders).map(|((owned, check), holder)| {
        let (column, method) = (owned.column(), &owned.name);
        let message = format!("the argument `{column}` of operation `{operation}` is not set");
        let label = format!("`{column}` is missing");
        let note = format!("give it a value, or values to sweep over: `{marker}::grid().{method}(...)`");
        quote! {
            #[doc(hidden)]
            pub struct #holder<const GIVEN: bool>;

            #[doc(hidden)]
            #[diagnostic::on_unimplemented(message = #message, label = #label, note = #note)]
            pub trait #check {}
            impl #check for #holder<true> {}
        }
    });

    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #[derive(Clone, Debug)]
        #[must_use = "a sweep does nothing until it is given to an experiment"]
        #[allow(dead_code)]
        #visibility struct #grid<#(const #states: bool = false),*> {
            grid: #root::params::Grid,
            name: ::core::option::Option<::std::string::String>,
        }

        #(#cfgs)*
        const _: () = {
            #[automatically_derived]
            #[allow(dead_code)]
            impl #marker {
                #[doc = #start_doc]
                ///
                /// Every argument without default has to be given before this is a sweep.
                pub fn grid() -> #grid<#(#start),*> {
                    #grid { grid: #root::params::Grid::new(), name: ::core::option::Option::None }
                }
            }

            #(#setters)*

            #[automatically_derived]
            #[allow(dead_code)]
            impl<#(const #states: bool),*> #grid<#(#states),*> {
                /// Names the step, which is otherwise called like the operation.
                pub fn named(mut self, name: impl ::core::convert::Into<::std::string::String>) -> Self {
                    self.name = ::core::option::Option::Some(name.into());
                    self
                }
            }

            #(#traits)*

            #[automatically_derived]
            impl<#(const #states: bool),*> #root::params::IntoSweep for #grid<#(#states),*>
            where
                #(#holders<#states>: #checks,)*
            {
                fn into_sweep(self) -> #root::params::Sweep {
                    let sweep = #root::params::Sweep::grid::<#marker>(self.grid);
                    match self.name {
                        ::core::option::Option::Some(name) => sweep.named(name),
                        ::core::option::Option::None => sweep,
                    }
                }
            }
        };
    }
}

/// The method of one argument; `own` is its place among the states when it has no default.
fn setter(root: &Path, grid: &Ident, owned: &Owned, states: &[Ident], own: Option<usize>) -> TokenStream {
    let (name, ty, column) = (&owned.name, &owned.ty, owned.column());
    let docs = &owned.doc;
    let doc = format!("One value of `{column}` for all runs, or the values to sweep over.");
    let docs =
        if docs.is_empty() { quote!(#[doc = #doc]) } else { quote!(#(#docs)* #[doc = ""] #[doc = #doc]) };
    let free = states.iter().enumerate().filter(|(at, _)| Some(*at) != own).map(|(_, state)| state);
    let with = |given: bool| {
        let all = states
            .iter()
            .enumerate()
            .map(|(at, s)| if Some(at) == own { quote!(#given) } else { quote!(#s) });
        quote!(<#(#all),*>)
    };
    let (before, after) = (with(false), with(true));
    quote! {
        #[automatically_derived]
        #[allow(dead_code)]
        impl<#(const #free: bool),*> #grid #before {
            #docs
            pub fn #name(self, values: impl #root::params::IntoAxis<#ty>) -> #grid #after {
                #grid {
                    grid: self.grid.axis(#column, #root::params::IntoAxis::<#ty>::into_axis(values)),
                    name: self.name,
                }
            }
        }
    }
}

fn camel(owned: &Owned) -> String {
    upper_camel(&owned.column())
}

/// The parameter of an argument; the ending keeps it apart from the user's constants.
fn state(owned: &Owned) -> Ident {
    format_ident!("{}_GIVEN", owned.column().to_uppercase())
}
