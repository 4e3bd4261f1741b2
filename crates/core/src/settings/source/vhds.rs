//! Reads a source that is VHDs: addresses of blobs, and what they do not say of their machine.

use super::{DataDisks, by_lun};
use crate::{
    options::{Opt, image},
    settings::{Values, VhdTraits, Vhds, reader::Reader},
    words,
};

/// What only VHDs need.
pub(super) const ONLY_OF_VHDS: [&Opt; 4] = [
    image::SOURCE_STORAGE_ACCOUNT,
    image::SOURCE_OS_TYPE,
    image::SOURCE_HYPER_V_GENERATION,
    image::SOURCE_ARCHITECTURE,
];

const DATA: DataDisks = DataDisks {
    block: image::SOURCE_DATA_VHD,
    lun: image::SOURCE_DATA_VHD_LUN,
    id: image::SOURCE_DATA_VHD_URI,
};

/// Whether a block says something of a source and nothing else, so that something else has to name it.
pub(super) fn are_only_traits(block: &Values) -> bool {
    let is_trait = |opt: &Opt| *opt == *image::SOURCE_BASE_IMAGE || ONLY_OF_VHDS.contains(&opt);
    let mut given = image::SOURCE.nested().iter().filter(|opt| block.has(opt)).peekable();
    given.peek().is_some() && given.all(|opt| is_trait(opt))
}

/// Reads the VHDs of a block that names the OS disk's.
pub(super) fn vhds(block: &mut Reader<'_, '_>) -> Option<Vhds> {
    let os = block.parsed(image::SOURCE_OS_VHD);
    let data = by_lun(block, DATA, |vhd| {
        vhd.required(
            image::SOURCE_DATA_VHD_URI,
            words!["give the address, as of ", image::SOURCE_OS_VHD],
        )?;
        vhd.parsed(image::SOURCE_DATA_VHD_URI)
    });
    let account = block.parsed(image::SOURCE_STORAGE_ACCOUNT);
    let traits = VhdTraits {
        os_type: block.parsed(image::SOURCE_OS_TYPE),
        generation: block.parsed(image::SOURCE_HYPER_V_GENERATION),
        architecture: block.parsed(image::SOURCE_ARCHITECTURE),
    };
    Some(Vhds {
        os: os?,
        data,
        account,
        traits,
    })
}
