//! What was given to this program, by option: flags, `INPUT_…` variables, further variables, and the files they name.
//!
//! What the values mean, and which of them cannot be used, is decided by core's `settings`.

mod text_file;

use azure_batch_core::{
    options::{self, Door, Kind, Opt, Verb, pool},
    redact::secrets_in_json,
    settings::{
        self, FromVariable, Value, Values,
        fault::{Fault, Place},
    },
};
use secrecy::SecretString;

use crate::{
    environment::Environment,
    github::{
        event,
        runner::{Log, Runner, Starter},
    },
    inputs,
};

/// What was given for a verb.
#[derive(Debug)]
pub struct Given {
    verb: Verb,
    values: Values,
    secrets: Vec<Secret>,
    from_variables: Vec<FromVariable>,
    /// Inputs that the verb does not take.
    strays: Vec<Fault>,
    /// The faults of files, once they were read.
    files: Option<Vec<Fault>>,
    door: Door,
}

/// A secret, and whether the runner knows it as one.
#[derive(Debug)]
pub struct Secret {
    /// The secret itself.
    pub text: SecretString,
    /// Who set it.
    pub origin: Origin,
}

/// Who set a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The user.
    User,
    /// GitHub's runner, which strikes its own tokens out of every log by itself.
    Runner,
}

/// Variables that begin so are set by GitHub's runner only.
const OF_RUNNER: &str = "ACTIONS_";

impl Given {
    /// Takes each option's flag, else its `INPUT_…` variable, else the variables of its row.
    #[must_use]
    pub fn collect(
        verb: Verb,
        flag: impl Fn(&'static Opt) -> Option<String>,
        runner: &Runner,
        environment: &dyn Environment,
    ) -> Self {
        let mut given = Self {
            verb,
            values: Values::default(),
            secrets: Vec::new(),
            from_variables: Vec::new(),
            strays: Vec::new(),
            files: None,
            door: match runner.log {
                Log::Workflow => Door::Input,
                Log::Plain => Door::Flag,
            },
        };
        for opt in options::of(verb).into_iter().filter(|opt| opt.is_taken_by(Door::Input)) {
            given.remember_secrets(opt, environment);
            if let Some(text) = flag(opt).filter(|text| !text.is_empty()) {
                given.remember_secrets_in(opt, &text);
                given.values.set(opt, text);
                // Only an action has no flags at all; who writes flags knows options by them.
                given.door = Door::Flag;
            } else if let Some(text) = environment.variable(&opt.input_variable()) {
                given.remember_secrets_in(opt, &text);
                given.set(opt, text);
            }
        }
        if runner.starter == Starter::Action {
            given.strays = given.stray_inputs(verb, environment);
        }
        given.from_variables = settings::complete(&mut given.values, verb, &|name| environment.variable(name));
        given
    }

    /// The verb that they are for.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        self.verb
    }

    /// The values.
    #[must_use]
    pub const fn values(&self) -> &Values {
        &self.values
    }

    /// All secrets that variables and Batch's JSON hold, whether they are going to be used or not; those in files once
    /// [`Self::read_files`] has read them.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    /// How the user gives options, and so what they are called.
    #[must_use]
    pub const fn door(&self) -> Door {
        self.door
    }

    /// The text of an option without white space around it.
    #[must_use]
    pub fn text(&self, opt: &'static Opt) -> Option<&str> {
        match self.values.get(opt)? {
            Value::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// The secret of an option without a line's end behind it.
    #[must_use]
    pub fn secret(&self, opt: &'static Opt) -> Option<SecretString> {
        use secrecy::ExposeSecret as _;
        match self.values.get(opt)? {
            Value::Secret(text) => Some(SecretString::from(text.expose_secret().trim())),
            _ => None,
        }
    }

    /// Puts the contents of the manifest, the pool file, the price file and files named by `@file` (pool JSON, formula) in the place of
    /// their paths.
    ///
    /// # Errors
    /// A fault for each input that the verb does not take, and for each file that cannot be read; its option then counts
    /// as unknown. A second call reads nothing and
    /// returns the same.
    pub fn read_files(&mut self) -> Vec<Fault> {
        if let Some(faults) = &self.files {
            return faults.clone();
        }
        let mut faults = std::mem::take(&mut self.strays);
        faults.extend(self.read_each_file());
        self.files = Some(faults.clone());
        faults
    }

    /// Takes what the event that started the workflow says, once the files were read.
    pub fn take_event(&mut self, opt: &'static Opt, said: Result<String, String>) {
        self.from_variables.push((opt, event::FILE));
        match said {
            Ok(text) => self.values.set(opt, text),
            Err(why) => {
                self.values.set(opt, Value::Unknown);
                self.files.get_or_insert_default().push(Fault::new(opt, why));
            }
        }
    }

    fn read_each_file(&mut self) -> Vec<Fault> {
        let path = |opt| self.text(opt).map(str::to_owned);
        let [manifest, pool_file, price_file] = [pool::MANIFEST, pool::POOL_FILE, pool::PRICE_FILE].map(path);
        let after_at = |opt| {
            let path = self.text(opt).and_then(|text| text.strip_prefix('@'));
            (opt, path.map(|path| path.trim().to_owned()))
        };
        let named = [
            (pool::MANIFEST, manifest),
            (pool::POOL_FILE, pool_file),
            (pool::PRICE_FILE, price_file),
            after_at(pool::POOL_JSON),
            after_at(pool::AUTOSCALE_FORMULA),
            after_at(pool::DISPATCH_PAYLOAD),
        ];
        let named = named.into_iter().filter_map(|(opt, path)| Some((opt, path?)));
        let mut faults = Vec::new();
        for (opt, path) in named.collect::<Vec<_>>() {
            match text_file::read(&path) {
                Ok(text) => {
                    self.remember_secrets_in(opt, &text);
                    self.values.set(opt, text);
                }
                Err(cause) => {
                    let text = format!("cannot read the file {path:?}: {cause}; check the path");
                    faults.push(Fault::new(opt, text));
                    self.values.set(opt, Value::Unknown);
                }
            }
        }
        faults
    }

    /// A fault in the words of the user's door. A value that a variable gave without the user's doing is called so.
    #[must_use]
    pub fn spelled(&self, fault: &Fault) -> String {
        let spelled = fault.spelled(self.door);
        let is_of = |(opt, _): &&FromVariable| Place::from(*opt) == fault.place;
        match self.from_variables.iter().find(is_of) {
            Some((_, variable)) => format!("{spelled} (the value comes from the variable {variable})"),
            None => spelled,
        }
    }

    /// The action hands every input on, whatever the verb; one that the verb does not take would be lost without a word.
    fn stray_inputs(&mut self, verb: Verb, environment: &dyn Environment) -> Vec<Fault> {
        let taken = options::of(verb);
        let mut strays = Vec::new();
        for opt in inputs::all().into_iter().filter(|opt| !taken.contains(opt)) {
            self.remember_secrets(opt, environment);
            if environment.variable(&opt.input_variable()).is_some() {
                let text = format!("has no effect with `verb: {}`; leave it out", inputs::word(verb));
                strays.push(Fault::new(opt, text));
            }
        }
        strays
    }

    fn set(&mut self, opt: &'static Opt, text: String) {
        if matches!(opt.kind, Kind::Secret) {
            self.values.set(opt, SecretString::from(text));
        } else {
            self.values.set(opt, text);
        }
    }

    /// Of Batch's JSON and of a pool file the parts that look like secrets; they hold passwords, keys and signed
    /// addresses.
    fn remember_secrets_in(&mut self, opt: &'static Opt, text: &str) {
        let of_file = (opt == pool::POOL_FILE)
            .then(|| settings::pool_file_as_json(text))
            .flatten();
        if matches!(opt.kind, Kind::Json) || opt == pool::POOL_FILE {
            let origin = Origin::User;
            let found = secrets_in_json(of_file.as_deref().unwrap_or(text))
                .into_iter()
                .map(|text| Secret { text, origin });
            self.secrets.extend(found);
        }
    }

    fn remember_secrets(&mut self, opt: &'static Opt, environment: &dyn Environment) {
        if !matches!(opt.kind, Kind::Secret) {
            return;
        }
        let input = opt.input_variable();
        let names = std::iter::once(input.as_str()).chain(opt.variables.iter().copied());
        let found = names.filter_map(|name| {
            let origin = if name.starts_with(OF_RUNNER) {
                Origin::Runner
            } else {
                Origin::User
            };
            let text = environment.variable(name)?.into();
            Some(Secret { text, origin })
        });
        self.secrets.extend(found);
    }
}

#[cfg(test)]
mod tests;
