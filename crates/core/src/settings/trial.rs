//! Reads how a version is tested before it is spread.

use std::time::Duration;

use super::{ImageTest, TEST_MINUTES, reader::Reader};
use crate::{ids::resource::ManagedIdentityId, options::image};

/// Reads the test; nothing inside where none is asked for, nothing at all after a fault.
pub(super) fn test(reader: &mut Reader<'_, '_>) -> Option<Option<ImageTest>> {
    let Some(mut block) = reader.block(image::TEST) else {
        return Some(None);
    };
    let remedy = "give the resource id of the Batch account that has the node";
    let account = block
        .required(image::TEST_BATCH_ACCOUNT, remedy)
        .and_then(|_| block.parsed(image::TEST_BATCH_ACCOUNT));
    let vm_size = block
        .required(image::TEST_VM_SIZE, "give the size of the node")
        .and_then(|_| block.parsed(image::TEST_VM_SIZE));
    let command = block.required(image::TEST_COMMAND, "give what has to end with exit code 0 on the node");
    let node_agent = match block.text(image::TEST_NODE_AGENT_SKU_ID) {
        None => Some(None),
        Some(_) => block.parsed(image::TEST_NODE_AGENT_SKU_ID).map(Some),
    };
    let subnet = match block.text(image::TEST_SUBNET_ID) {
        None => Some(None),
        Some(_) => block.parsed(image::TEST_SUBNET_ID).map(Some),
    };
    let identities = identities(&mut block);
    let minutes = block.number(image::TEST_MINUTES).unwrap_or(TEST_MINUTES);
    if minutes == 0 {
        block.refuse(image::TEST_MINUTES, "is 0: write how many minutes the command may run");
    }
    Some(Some(ImageTest {
        account: account?,
        vm_size: vm_size?,
        command: command?.to_owned(),
        node_agent: node_agent?,
        subnet: subnet?,
        identities,
        longest: Duration::from_secs(u64::from(minutes) * 60),
    }))
}

/// Each identity once; an id that is not one is a fault.
fn identities(block: &mut Reader<'_, '_>) -> Vec<ManagedIdentityId> {
    let opt = image::TEST_POOL_IDENTITY;
    let mut identities: Vec<ManagedIdentityId> = Vec::new();
    for text in block.listed(opt) {
        if let Some(id) = block.checked(opt, text.parse())
            && !identities.contains(&id)
        {
            identities.push(id);
        }
    }
    identities
}
