//! The inputs of an operation: what it takes from other steps, and how a run gives it that.

use std::any::TypeId;
use std::sync::{Arc, OnceLock};

use metalab_cas::tree::{TreeError, materialise_folder};
use metalab_cas::{BlobError, Digest};

use super::Run;
use crate::codec::Codec;
use crate::context::{DirPath, FilePath};
use crate::failure::{Failure, Result};
use crate::inputs::{Gathered, GatheredItem, Input, Located, Supplied, Supply, SupplyError};
use crate::values::ValueError;

/// An input of an operation: a value that another step makes.
#[derive(Clone, Debug)]
pub struct InputInfo {
    /// Its name.
    pub name: &'static str,
    /// The type of the value as written.
    pub type_name: &'static str,
    /// How it is read.
    pub form: InputForm,
    /// Whether it takes many values at once.
    pub many: bool,
    pub(crate) type_id: TypeId,
}

/// How an input is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputForm {
    /// Decoded by the codec of this name.
    Value {
        /// Its name.
        codec: &'static str,
    },
    /// Copied to a file.
    File,
    /// Copied to a folder.
    Folder,
}

impl InputInfo {
    /// An input of one value of type `T`, encoded by `C`.
    pub fn one<T: 'static, C: Codec<T>>(name: &'static str, type_name: &'static str) -> Self {
        let form = InputForm::Value { codec: C::NAME };
        Self { name, type_name, form, many: false, type_id: TypeId::of::<T>() }
    }

    /// An input of many values of type `T`, each encoded by `C`.
    pub fn many<T: 'static, C: Codec<T>>(name: &'static str, type_name: &'static str) -> Self {
        Self { many: true, ..Self::one::<T, C>(name, type_name) }
    }

    /// An input that is given a file.
    pub fn file(name: &'static str) -> Self {
        let type_id = TypeId::of::<FilePath>();
        Self { name, type_name: "FilePath", form: InputForm::File, many: false, type_id }
    }

    /// An input that is given a folder.
    pub fn folder(name: &'static str) -> Self {
        let type_id = TypeId::of::<DirPath>();
        Self { name, type_name: "DirPath", form: InputForm::Folder, many: false, type_id }
    }
}

/// The inputs of one execution.
pub(crate) struct Inputs<'a> {
    pub(crate) infos: &'a [InputInfo],
    pub(crate) supplied: &'a [Supplied],
    /// Names for copies of artifacts, by input.
    pub(crate) file_names: &'a [Option<String>],
    pub(crate) supply: &'a Supply,
    /// The first input that could not be had, with its digest.
    pub(crate) failed: OnceLock<(Digest, SupplyError)>,
}

impl std::fmt::Debug for Inputs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.infos.iter().map(|info| info.name)).finish()
    }
}

impl Inputs<'_> {
    fn slot(&self, name: &str) -> Result<usize> {
        let found = self.infos.iter().position(|info| info.name == name);
        found.filter(|slot| *slot < self.supplied.len()).ok_or_else(|| no_input(name))
    }

    fn one(&self, name: &str) -> Result<(usize, Located)> {
        let slot = self.slot(name)?;
        match &self.supplied[slot] {
            Supplied::One(located) => Ok((slot, *located)),
            Supplied::Many(_) => Err(format!("input `{name}` is a gather: take `Gathered<T>`").into()),
        }
    }

    fn fail(&self, digest: Digest, error: SupplyError) -> Failure {
        if let SupplyError::Bytes { source, .. } = &error
            && let ValueError::Damaged { digest } = &**source
        {
            // Out of the way of the bytes that a repair brings. If it stays, the repair will not help, and say so.
            let _ = self.supply.store().blobs().drop_damaged(digest);
        }
        let failure = Failure::from(error.clone());
        let _ = self.failed.set((digest, error));
        failure
    }
}

fn no_input(name: &str) -> Failure {
    format!("the run has no input `{name}`: run it as a step of an experiment, or call the function itself")
        .into()
}

impl Run<'_> {
    fn inputs(&self, name: &str) -> Result<&Inputs<'_>> {
        self.inputs.as_ref().ok_or_else(|| no_input(name))
    }

    /// The input of this name.
    ///
    /// # Errors
    /// When there is none, or its bytes are missing, damaged or of another type.
    pub fn input<T, C>(&self, name: &str) -> Result<Input<T>>
    where
        T: Send + Sync + 'static,
        C: Codec<T>,
    {
        let inputs = self.inputs(name)?;
        let (_, located) = inputs.one(name)?;
        let value = inputs.supply.value::<T, C>(name, &located);
        value
            .map(|value| Input::new(value, located.digest))
            .map_err(|error| inputs.fail(located.digest, error))
    }

    /// The gathered values of this name.
    ///
    /// # Errors
    /// As [`Run::input`].
    pub fn gathered<T, C>(&self, name: &str) -> Result<Gathered<T>>
    where
        T: Send + Sync + 'static,
        C: Codec<T>,
    {
        let inputs = self.inputs(name)?;
        let Supplied::Many(parts) = &inputs.supplied[inputs.slot(name)?] else {
            return Err(format!("input `{name}` is one value: take `Input<T>`").into());
        };
        let item = |(at, located): &(metalab_cas::Value, Located)| {
            let value = inputs.supply.value::<T, C>(name, located);
            let value = value.map_err(|error| inputs.fail(located.digest, error))?;
            Ok(GatheredItem::new(at.clone(), Input::new(value, located.digest)))
        };
        Ok(Gathered::new(parts.iter().map(item).collect::<Result<_>>()?))
    }

    /// A copy of the input of this name, as a file of the run's scratch folder. It may be written to: nobody else
    /// sees that.
    ///
    /// # Errors
    /// As [`Run::input`], and when the copy cannot be written.
    pub fn input_file(&self, name: &str) -> Result<Input<FilePath>> {
        self.copy(name, |inputs, located, path| {
            match inputs.supply.store().blobs().materialise(&located.digest, path) {
                Ok(()) => Ok(()),
                Err(error) if error.is_not_found() => match inputs.supply.bytes(located) {
                    Ok(bytes) => {
                        std::fs::write(path, &bytes).map_err(|error| copy_error(name, located, &error))
                    }
                    Err(error) => Err(SupplyError::Bytes { input: name.to_owned(), source: Arc::new(error) }),
                },
                Err(BlobError::Damaged { digest, .. }) => Err(damaged(name, digest)),
                Err(error) => Err(copy_error(name, located, &error)),
            }
        })
        .map(|(path, digest)| Input::new(Arc::new(FilePath::from(path)), digest))
    }

    /// A copy of the folder that is the input of this name, in the run's scratch folder.
    ///
    /// # Errors
    /// As [`Run::input_file`].
    pub fn input_folder(&self, name: &str) -> Result<Input<DirPath>> {
        self.copy(name, |inputs, located, path| {
            let blobs = inputs.supply.store().blobs();
            materialise_folder(blobs, &located.digest, path).map_err(|error| match error {
                TreeError::Blob(BlobError::Damaged { digest, .. }) => damaged(name, digest),
                TreeError::Blob(error) if error.is_not_found() => missing(name, located),
                error => copy_error(name, located, &error),
            })
        })
        .map(|(path, digest)| Input::new(Arc::new(DirPath::from(path)), digest))
    }

    fn copy(
        &self,
        name: &str,
        write: impl FnOnce(&Inputs<'_>, &Located, &std::path::Path) -> std::result::Result<(), SupplyError>,
    ) -> Result<(String, Digest)> {
        let inputs = self.inputs(name)?;
        let (slot, located) = inputs.one(name)?;
        let folder = self.runtime.scratch()?.join(format!("input-{slot}"));
        std::fs::create_dir_all(&folder)?;
        let file = inputs.file_names.get(slot).and_then(|file| file.as_deref()).unwrap_or(name);
        let path = folder.join(file);
        write(inputs, &located, &path).map_err(|error| inputs.fail(located.digest, error))?;
        let path = path.into_os_string().into_string();
        path.map(|path| (path, located.digest))
            .map_err(|_| "the scratch folder's path is not UTF-8: choose another by `.scratch(...)`".into())
    }
}

fn copy_error(input: &str, located: &Located, error: &dyn std::error::Error) -> SupplyError {
    SupplyError::Copy { input: input.to_owned(), digest: located.digest, reason: error.to_string() }
}

fn damaged(input: &str, digest: Digest) -> SupplyError {
    let source = ValueError::Damaged { digest };
    SupplyError::Bytes { input: input.to_owned(), source: Arc::new(source) }
}

fn missing(input: &str, located: &Located) -> SupplyError {
    let source = ValueError::Missing { digest: located.digest };
    SupplyError::Bytes { input: input.to_owned(), source: Arc::new(source) }
}
