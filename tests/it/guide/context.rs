//! `docs/guide/context.md`.

use metalab::{Fingerprint, Store};

mod whole {
    use super::Measurements;

    fn example() {
        use metalab::{Experiment, FilePath, Fingerprint, Glob, Named, Stat};

        #[derive(metalab::Context)]
        struct Data {
            images: Glob,
            labels: FilePath,
            archive: Stat<FilePath>,
            sample: Named<FilePath>,
            scale: f64,
            database: Measurements,
            #[context(skip)]
            verbose: bool,
        }

        #[metalab::operation]
        fn brightness(threshold: f64, data: &Data) -> metalab::Result<f64> {
            let mut sum = 0.0;
            for image in data.images.files()? {
                let pixels = std::fs::read(image)?;
                let scaled = pixels.iter().map(|pixel| f64::from(*pixel) * data.scale);
                sum += scaled.filter(|pixel| *pixel > threshold).sum::<f64>();
            }
            Ok(sum)
        }

        let data = Data {
            images: "data/images/*.raw".into(),
            labels: "data/labels.csv".into(),
            archive: "data/archive.bin".into(),
            sample: "data/labels.csv".into(),
            scale: 1.0,
            database: Measurements { server: "db.example.org".into(), revision: 7 },
            verbose: false,
        };
        let experiment = Experiment::new("brightness", "1").context(data).sweep(Brightness::grid().threshold([0.0, 10.0]));
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Measurements {
    server: String,
    revision: u64,
}

impl Fingerprint for Measurements {
    fn fingerprint(&self) -> metalab::Result<metalab::cas::Value> {
        // Where the server is does not count; ask it for the revision here if it is not known.
        Ok(metalab::cas::Value::from_serde(&self.revision)?)
    }
}

mod repository {
    use metalab::Experiment;

    fn example() -> metalab::Result<()> {
        use metalab::GitCommit;

        #[derive(metalab::Context)]
        struct Lab {
            scripts: GitCommit,
        }

        let experiment = Experiment::new("calls", "1").context(Lab { scripts: GitCommit::of("../scripts")? });
        Ok(())
    }
}

fn manifests(store: Store) -> metalab::Result<()> {
    for field in &metalab::manifests(&store, "brightness")?[0].contexts[0].fields {
        println!("{:10} {:12} {field}", field.name, field.kind);
    }
    Ok(())
}
