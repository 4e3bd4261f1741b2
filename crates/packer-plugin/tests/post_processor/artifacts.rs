//! The reference page's table of what becomes of which artifact, row by row: the artifact in the words of its builder is
//! published on a local Azure, and the version shows what it was made of.

use azure_emulator::{host::Host, seed::Seed};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{
    azure::{azure_with, packer},
    azure_arm::without_source,
    packer::Handed,
};

const COMPUTE: &str =
    "/subscriptions/00000000-0000-0000-0000-0000000005b5/resourceGroups/rg-images/providers/Microsoft.Compute";

/// The same in another subscription.
const OTHERS: &str =
    "/subscriptions/00000000-0000-0000-0000-0000000005b6/resourceGroups/rg-theirs/providers/Microsoft.Compute";

/// Where the table is.
const PAGE: &str = include_str!("../../../../.web-docs/components/post-processor/azure-batch/README.md");

/// A row of the table.
struct Row {
    /// Its first cell.
    made: &'static str,
    /// The type of the builder, and the id of its artifacts.
    builder: (&'static str, &'static str),
    /// What the builder shows.
    text: String,
    /// What the block of the source says all the same.
    said: Json,
    becomes: Becomes,
}

/// What a version shows of its making.
enum Becomes {
    /// It was there and is the result.
    Adopted,
    /// A new one whose storage profile has this there.
    MadeOf(&'static str, String),
    /// Nothing; the refusal has this in it.
    Refused(&'static str),
}

fn rows(blobs: &str) -> Vec<Row> {
    let (versions, images) = (versions_of_arm(), images_of_arm());
    let all = versions.into_iter().chain(images).chain(vhds_of_arm(blobs));
    all.chain(of_chroot()).chain(of_others()).collect()
}

/// The lines of an image.
fn image() -> String {
    format!(
        "ManagedImageResourceGroupName: rg-images\nManagedImageName: built\nManagedImageId: {COMPUTE}/images/built\n\
         ManagedImageLocation: eastus2"
    )
}

/// The line of a version.
fn version(base: &str, definition: &str) -> String {
    format!("ManagedImageSharedImageGalleryId: {base}/galleries/gal1/images/{definition}/versions/1.4.2")
}

fn of_image() -> Becomes {
    Becomes::MadeOf("/source/id", format!("{COMPUTE}/images/built"))
}

fn of_another(base: &str) -> Becomes {
    let id = format!("{base}/galleries/gal1/images/another/versions/1.4.2");
    Becomes::MadeOf("/source/id", id)
}

fn versions_of_arm() -> [Row; 3] {
    [
        arm(
            "azure-arm: a version of the definition in `shared_image_gallery_destination` here",
            version(COMPUTE, "render"),
            Becomes::Adopted,
        ),
        arm(
            "azure-arm: a version of another definition",
            version(COMPUTE, "another"),
            of_another(COMPUTE),
        ),
        arm(
            "azure-arm: a version in a gallery of another subscription",
            version(OTHERS, "another"),
            of_another(OTHERS),
        ),
    ]
}

fn images_of_arm() -> [Row; 4] {
    [
        arm(
            "azure-arm: a managed image with `managed_image_os_disk_snapshot_name`",
            format!("{}\nManagedImageOSDiskSnapshotName: built_os", image()),
            Becomes::MadeOf("/osDiskImage/source/id", format!("{COMPUTE}/snapshots/built_os")),
        ),
        arm("azure-arm: a managed image without snapshots", image(), of_image()),
        arm(
            "azure-arm: a managed image, and its disk with `keep_os_disk`",
            format!("{}\nOSDiskUri: {COMPUTE}/disks/pkros", image()),
            of_image(),
        ),
        arm(
            "azure-arm: a managed image and a version",
            format!("{}\n{}", image(), version(COMPUTE, "another")),
            of_image(),
        ),
    ]
}

fn vhds_of_arm(blobs: &str) -> [Row; 3] {
    let os = format!("{blobs}images/os.vhd");
    let vhds = format!("StorageAccountLocation: eastus2\nVHDOSDiskUri: {os}");
    [
        Row {
            said: json!({"hyper_v_generation": "V2"}),
            ..arm(
                "azure-arm: VHDs (`storage_account`), also with 1.x",
                vhds.clone(),
                Becomes::MadeOf("/osDiskImage/source/uri", os),
            )
        },
        arm(
            "azure-arm: VHDs and a version or a managed image",
            format!("{vhds}\n{}", version(COMPUTE, "render")),
            Becomes::Adopted,
        ),
        arm(
            "azure-arm: nothing (`skip_create_image`)",
            String::new(),
            Becomes::Refused("without skip_create_image"),
        ),
    ]
}

fn of_chroot() -> [Row; 3] {
    [
        chroot(
            "azure-chroot: a version of the definition here (`shared_image_destination`)",
            &["/galleries/gal1/images/render/versions/1.4.2"],
            Becomes::Adopted,
        ),
        chroot(
            "azure-chroot: a version of another definition",
            &["/galleries/gal1/images/another/versions/1.4.2"],
            of_another(COMPUTE),
        ),
        chroot(
            "azure-chroot: a managed image (`image_resource_id`)",
            &["/images/built", "/galleries/gal1/images/another/versions/1.4.2"],
            of_image(),
        ),
    ]
}

fn of_others() -> [Row; 2] {
    [
        other(
            "null",
            ("null", "fnoeding.null"),
            "Did not export anything. This is the null builder",
        ),
        other("file and others", ("file", "packer.file"), "Stored file: built.txt"),
    ]
}

fn arm(made: &'static str, lines: String, becomes: Becomes) -> Row {
    Row {
        made,
        builder: ("azure-arm", "Azure.ResourceManagement.VMImage"),
        text: format!("Azure.ResourceManagement.VMImage:\n\nOSType: Linux\n{lines}\n"),
        said: Json::Null,
        becomes,
    }
}

/// It shows its ids in small letters.
fn chroot(made: &'static str, ids: &[&str], becomes: Becomes) -> Row {
    let ids: Vec<String> = ids.iter().map(|id| format!("{COMPUTE}{id}").to_lowercase()).collect();
    Row {
        made,
        builder: ("azure-chroot", "azure.chroot"),
        text: format!("Azure resources created:\n{}\n", ids.join("\n")),
        said: Json::Null,
        becomes,
    }
}

fn other(made: &'static str, builder: (&'static str, &'static str), text: &str) -> Row {
    Row {
        made,
        builder,
        text: text.to_owned(),
        said: Json::Null,
        becomes: Becomes::Refused("source: is missing"),
    }
}

/// The example with everything that the rows name.
fn seed() -> Seed {
    let mut seed: Json = serde_json::from_str(Seed::example_text()).unwrap();
    let definition = |group: &str, name: &str| {
        json!({"name": name, "resourceGroup": group, "gallery": "gal1", "properties": {
            "osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2",
            "identifier": {"publisher": "p", "offer": "o", "sku": name}}})
    };
    let version = |group: &str, definition: &str| {
        json!({"name": "1.4.2", "resourceGroup": group, "gallery": "gal1", "definition": definition,
            "publishingProfile": {"targetRegions": [{"name": "eastus2", "regionalReplicaCount": 1}]}})
    };
    let others = "00000000-0000-0000-0000-0000000005b6";
    seed["subscriptions"] = json!([seed["subscriptions"][0], {"id": others, "name": "Theirs"}]);
    seed["resourceGroups"] = json!([seed["resourceGroups"][0],
        {"name": "rg-theirs", "location": "eastus2", "subscription": others}]);
    seed["galleries"] = json!([seed["galleries"][0],
        {"name": "gal1", "resourceGroup": "rg-theirs", "location": "eastus2"}]);
    seed["definitions"] = json!([
        definition("rg-images", "render"),
        definition("rg-images", "another"),
        definition("rg-theirs", "another")
    ]);
    seed["versions"] = json!([
        version("rg-images", "render"),
        version("rg-images", "another"),
        version("rg-theirs", "another")
    ]);
    seed["snapshots"] = json!([{"name": "built_os", "resourceGroup": "rg-images", "location": "eastus2"}]);
    seed["images"] = json!([
        {"name": "built", "resourceGroup": "rg-images", "location": "eastus2", "snapshot": "built_os"}]);
    seed["storageAccounts"] = json!([{"name": "vhds", "resourceGroup": "rg-images", "location": "eastus2",
        "blobs": [{"container": "images", "name": "os.vhd", "diskGB": 30}]}]);
    Seed::parse(&seed.to_string()).unwrap()
}

fn blobs(host: &Host) -> String {
    let resources = host.with_emulator(|emulator, now| emulator.resources(now));
    let blobs = &resources["storage"][0]["properties"]["primaryEndpoints"]["blob"];
    blobs.as_str().unwrap().to_owned()
}

/// The storage profile with which a version of the wanted definition was made; `None` when none was.
fn made_of(host: &Host) -> Option<Json> {
    host.with_emulator(|emulator, _| {
        let puts = emulator.journal().iter().filter(|entry| entry.method == "PUT");
        let mut made = puts.filter(|entry| entry.path.to_lowercase().contains("/images/render/versions/"));
        Some(made.next()?.request["properties"]["storageProfile"].clone())
    })
}

async fn check(row: usize) {
    let folder = TempDir::new().unwrap();
    let host = azure_with(&folder, seed()).await;
    let row = rows(&blobs(&host)).swap_remove(row);
    let mut user = without_source(&host, &folder);
    user["source"] = row.said;
    // So that the version itself shows what it was made of.
    user["managed_image"] = json!("never");
    let handed = Handed {
        builder_id: row.builder.1,
        text: row.text,
        generated: &[],
    };
    let packer = packer().await.behind(handed);
    let own = [("packer_build_name", "machine"), ("packer_builder_type", row.builder.0)];
    let error = match packer.configure(&user, &own).await {
        Ok(()) => packer.post_process().await.unwrap().error,
        Err(refusal) => Some(refusal),
    };
    let made = row.made;
    if let Becomes::Refused(says) = row.becomes {
        let error = error.unwrap();
        assert!(error.contains(says), "{made}: {error}");
        return;
    }
    assert_eq!(error, None, "{made}");
    let manifest = std::fs::read_to_string(user["manifest"].as_str().unwrap()).unwrap();
    let manifest: Json = serde_json::from_str(&manifest).unwrap();
    if let Becomes::MadeOf(pointer, id) = row.becomes {
        assert_eq!(manifest["outcome"], "created", "{made}");
        let profile = made_of(&host).unwrap();
        let seen = profile.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        assert!(seen.eq_ignore_ascii_case(&id), "{made}: {profile}");
    } else {
        assert_eq!(
            (&manifest["outcome"], &manifest["image_version"]),
            (&json!("adopted"), &json!("1.4.2")),
            "{made}"
        );
    }
}

#[tokio::test]
async fn each_artifact_of_the_table_becomes_what_the_table_says() {
    for row in 0..rows("").len() {
        check(row).await;
    }
}

#[test]
fn the_table_of_the_page_has_just_these_rows() {
    let table = PAGE.split("| the builder made |").nth(1).unwrap();
    let rows_of_page = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let first_cells: Vec<&str> = rows_of_page
        .map(|line| line.split('|').nth(1).unwrap().trim())
        .collect();
    let tested: Vec<&str> = rows("").iter().map(|row| row.made).collect();
    assert_eq!(first_cells, tested);
}
