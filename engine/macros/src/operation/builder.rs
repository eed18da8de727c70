//! Writes the builder of a grid: `Train::grid().k([1, 3]).weights(...)`.
//!
//! It has one `bool` parameter per input and per argument without default, which its setter turns from `false` into
//! `true`. A builder is a sweep only when all are true; what is missing is named by a trait made for that argument
//! alone.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Attribute, Ident, Path, Visibility};

use super::arguments::{Owned, Signature, text};
use super::inputs::{Form, InputArgument};
use super::names::{Names, upper_camel};

pub(crate) fn builder(
    root: &Path,
    names: &Names,
    signature: &Signature,
    visibility: &Visibility,
    cfgs: &[&Attribute],
) -> TokenStream {
    let Names { marker, params, grid, operation, .. } = names;
    let needed: Vec<Needed<'_>> = Needed::all(signature);
    let states: Vec<Ident> = needed.iter().map(Needed::state).collect();
    let place = |name: &Ident| needed.iter().position(|needed| needed.name() == name);
    let axes = signature.owned().map(|owned| axis_setter(root, grid, owned, &states, place(&owned.name)));
    let wires = signature.inputs().map(|input| input_setter(root, grid, input, &states, place(&input.name)));

    let doc = format!("A sweep of the operation `{operation}` over the values of its arguments.");
    let start_doc = format!("Starts a sweep of `{operation}` over all combinations of the given values.");
    let sample_doc = format!("Starts a sweep of `{operation}` over the sets of a design: random ones, say.");
    let start: Vec<TokenStream> = states.iter().map(|_| quote!(false)).collect();
    let listed = needed.iter().map(|needed| {
        let given = matches!(needed, Needed::Argument(_));
        quote!(#given)
    });
    let listed: Vec<TokenStream> = listed.collect();
    let checks: Vec<Ident> = needed.iter().map(|needed| format_ident!("{}IsGiven", needed.camel())).collect();
    let holders: Vec<Ident> = needed.iter().map(Needed::holder).collect();
    let traits = needed.iter().zip(&checks).zip(&holders).map(|((needed, check), holder)| {
        let (column, method) = (needed.column(), needed.name());
        let (message, note) = match needed {
            Needed::Argument(_) => (
                format!("the argument `{column}` of operation `{operation}` is not set"),
                format!("give it a value, or values to sweep over: `{marker}::grid().{method}(...)`"),
            ),
            Needed::Input(input) => {
                let ty = text(&input.ty);
                let how = match input.form {
                    Form::Many => format!(
                        "wire it to a gather of a step that returns `{ty}`: `{marker}::grid().{method}(step.gather())`"
                    ),
                    Form::One => {
                        format!("wire it to a step that returns `{ty}`: `{marker}::grid().{method}(&step)`")
                    }
                    Form::File | Form::Folder => format!(
                        "wire it to an artifact of a step: `{marker}::grid().{method}(step.artifact(\"name\"))`"
                    ),
                };
                (format!("the input `{column}` of operation `{operation}` is not wired"), how)
            }
        };
        let label = format!("`{column}` is missing");
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
            sweep: #root::params::Sweep<<#marker as #root::operation::Operation>::Output>,
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
                    #grid { sweep: #root::params::Sweep::grid::<#marker>(#root::params::Grid::new()) }
                }

                #[doc = #sample_doc]
                ///
                /// The setters take distributions, single values, and values to combine with every set. Every
                /// argument without default has to be given before this is a sweep.
                pub fn sample(design: impl ::core::convert::Into<#root::params::Design>) -> #grid<#(#start),*> {
                    #grid { sweep: #root::params::Sweep::sample::<#marker>(design) }
                }

                /// A sweep over any source of parameter sets; that it gives every argument is checked when the
                /// experiment is planned.
                pub fn from(source: impl ::core::convert::Into<#root::params::Source>) -> #grid<#(#listed),*> {
                    #grid {
                        sweep: #root::params::Sweep::of::<#marker>(::core::convert::Into::into(source)),
                    }
                }

                /// A sweep over the given sets of arguments, one cell for each.
                pub fn list<I>(rows: I) -> #grid<#(#listed),*>
                where
                    I: ::core::iter::IntoIterator<Item = #params>,
                {
                    #grid { sweep: #root::params::Sweep::list::<#marker>(rows) }
                }

                /// A sweep over the sets of arguments that another step returns: what that step finds decides
                /// what runs.
                pub fn list_from(
                    rows: impl #root::inputs::IntoInput<::std::vec::Vec<#params>>,
                ) -> #grid<#(#listed),*> {
                    #grid { sweep: #root::params::Sweep::list_from::<#marker>(rows) }
                }
            }

            #(#axes)*
            #(#wires)*

            #[automatically_derived]
            #[allow(dead_code)]
            impl<#(const #states: bool),*> #grid<#(#states),*> {
                /// Names the step, which is otherwise called like the operation.
                pub fn named(self, name: impl ::core::convert::Into<::std::string::String>) -> Self {
                    Self { sweep: self.sweep.named(name) }
                }

                /// What each run of the step needs of the machine, instead of what the operation says.
                pub fn resources(self, resources: #root::schedule::Resources) -> Self {
                    Self { sweep: self.sweep.resources(resources) }
                }

                /// Tags the cells for whose parameter set the rule is true.
                pub fn tag_cases(
                    self,
                    tag: impl ::core::convert::Into<::std::string::String>,
                    rule: impl ::core::ops::Fn(&#root::tags::Case<'_>) -> bool
                        + ::core::marker::Send
                        + ::core::marker::Sync
                        + 'static,
                ) -> Self {
                    Self { sweep: self.sweep.tag_cases(tag, rule) }
                }

                /// Tags the cells of these parameter sets, by their number in the step.
                pub fn tag_sets(
                    self,
                    tag: impl ::core::convert::Into<::std::string::String>,
                    sets: impl ::core::iter::IntoIterator<Item = u64>,
                ) -> Self {
                    Self { sweep: self.sweep.tag_sets(tag, sets) }
                }
            }

            #(#traits)*

            #[automatically_derived]
            impl<#(const #states: bool),*> #root::params::IntoSweep for #grid<#(#states),*>
            where
                #(#holders<#states>: #checks,)*
            {
                type Output = <#marker as #root::operation::Operation>::Output;

                fn into_sweep(self) -> #root::params::Sweep<Self::Output> {
                    self.sweep
                }
            }
        };
    }
}

/// What a builder needs before it is a sweep.
enum Needed<'a> {
    Argument(&'a Owned),
    Input(&'a InputArgument),
}

impl<'a> Needed<'a> {
    fn all(signature: &'a Signature) -> Vec<Self> {
        let arguments = signature.owned().filter(|owned| owned.default.is_none()).map(Self::Argument);
        arguments.chain(signature.inputs().map(Self::Input)).collect()
    }

    fn name(&self) -> &'a Ident {
        match self {
            Self::Argument(owned) => &owned.name,
            Self::Input(input) => &input.name,
        }
    }

    fn column(&self) -> String {
        self.name().unraw().to_string()
    }

    fn camel(&self) -> String {
        upper_camel(&self.column())
    }

    fn holder(&self) -> Ident {
        match self {
            Self::Argument(_) => format_ident!("{}Argument", self.camel()),
            Self::Input(_) => format_ident!("{}Input", self.camel()),
        }
    }

    /// The parameter of the builder; the ending keeps it apart from the user's constants.
    fn state(&self) -> Ident {
        format_ident!("{}_GIVEN", self.column().to_uppercase())
    }
}

/// The method of one argument; `own` is its place among the states when it has no default.
fn axis_setter(
    root: &Path,
    grid: &Ident,
    owned: &Owned,
    states: &[Ident],
    own: Option<usize>,
) -> TokenStream {
    let (name, ty, column) = (&owned.name, &owned.ty, owned.column());
    let doc = format!(
        "One value of `{column}` for all runs, the values to sweep over, a distribution in a sample, or a resolver."
    );
    let values = quote!(values: impl #root::params::IntoAxis<#ty>);
    let set = quote!(self.sweep.axis(#column, #root::params::IntoAxis::<#ty>::into_axis(values)));
    setter(grid, name, &documented(&owned.doc, &doc), &values, &set, states, own)
}

/// The method of one input; `own` is its place among the states.
fn input_setter(
    root: &Path,
    grid: &Ident,
    input: &InputArgument,
    states: &[Ident],
    own: Option<usize>,
) -> TokenStream {
    let (column, ty) = (input.column(), text(&input.ty));
    let doc = match input.form {
        Form::Many => format!("Gathers input `{column}` from a step that returns `{ty}`."),
        Form::One => format!("Wires input `{column}` to a step that returns `{ty}`."),
        Form::File | Form::Folder => format!("Wires input `{column}` to an artifact."),
    };
    let (source, into) = input.source(root);
    let values = quote!(source: impl #source);
    let set = quote!(self.sweep.input(#column, source.#into()));
    setter(grid, &input.name, &documented(&input.doc, &doc), &values, &set, states, own)
}

fn documented(written: &[Attribute], doc: &str) -> TokenStream {
    match written {
        [] => quote!(#[doc = #doc]),
        written => quote!(#(#written)* #[doc = ""] #[doc = #doc]),
    }
}

fn setter(
    grid: &Ident,
    name: &Ident,
    docs: &TokenStream,
    argument: &TokenStream,
    set: &TokenStream,
    states: &[Ident],
    own: Option<usize>,
) -> TokenStream {
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
            pub fn #name(self, #argument) -> #grid #after {
                #grid { sweep: #set }
            }
        }
    }
}
