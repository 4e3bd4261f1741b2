//! What is done with each code block of each page.
//!
//! It names blocks by their page and by how they begin. Which programs run them is up to the cases.

use super::{How, Part, Row, World};

const README: &str = "README.md";
const CONTRIBUTING: &str = "CONTRIBUTING.md";
const ARCHITECTURE: &str = "ARCHITECTURE.md";
const PLUGIN: &str = ".web-docs/README.md";
const REFERENCE: &str = ".web-docs/components/post-processor/azure-batch/README.md";
const ACTION: &str = "docs/action.md";
const IMAGES: &str = "docs/images.md";
const POOLS: &str = "docs/pool-commands.md";
const POOL_FILE: &str = "docs/pool-file.md";
const PRICE_FILE: &str = "docs/price-file.md";
const SAMPLES: &str = "docs/from-the-samples.md";
const EMULATOR: &str = "docs/emulator.md";
const BATCH: &str = "docs/emulator-batch.md";
const PERFORMANCE: &str = "docs/performance.md";
const RELEASING: &str = "docs/releasing.md";
const RIGHTS: &str = "docs/rights.md";
const DECISIONS: &str = "docs/adr/054-three-decisions-and-one-way-to-act.md";

const DRAWING: How = How::Left("a drawing");
const TYPED_BY_AZ: How = How::Elsewhere("what_the_page_says");
const PUBLISHED: World = World::Versions;

/// All of them.
pub const ROWS: &[Row] = &[
    row(README, "git clone", How::Xtask),
    row(
        README,
        "pool p1 in acct1",
        How::Elsewhere("the_readme_shows_the_frame_as_it_is"),
    ),
    row(README, "source \"null\"", How::Template),
    row(README, "    used_by {", How::Part(Part::More)),
    row(README, "# every step", How::Commands(PUBLISHED, &[10, 0, 0, 10])),
    row(README, "jobs:", How::Job),
    row(
        README,
        "          strategy: blue-green",
        How::Elsewhere("a_version_whose_tasks_fail_is_returned_from_by_itself"),
    ),
    row(
        README,
        "# what each strategy needs",
        How::Commands(World::Pools(&["render"]), &[10, 0, 0]),
    ),
    row(
        README,
        "error: the new image was found bad",
        How::Elsewhere("the_readme_shows_a_return_as_it_is"),
    ),
    row(
        README,
        "az ad app create",
        How::Left("makes an application in Entra; the local Azure has no Microsoft Graph"),
    ),
    row(CONTRIBUTING, "cargo xtask check", How::Xtask),
    row(ARCHITECTURE, "crates/packer-plugin", DRAWING),
    row(ARCHITECTURE, "packer build", DRAWING),
    row(DECISIONS, "               decision, pure", DRAWING),
    row(PLUGIN, "packer {", How::Head),
    row(
        PLUGIN,
        "packer plugins install github.com",
        How::Left("asks github.com; `packer init` takes the same files, and the release rehearsal runs it"),
    ),
    row(
        PLUGIN,
        "packer plugins install --path",
        How::Elsewhere("install_plugin"),
    ),
    row(REFERENCE, "source \"null\"", How::Template),
    row(
        REFERENCE,
        "source \"azure-arm\"",
        How::Left("needs azure-arm and is shortened; `cargo xtask judges arm` builds whole templates of this kind"),
    ),
    row(REFERENCE, "source {", How::Part(Part::Source)),
    row(ACTION, "permissions:", How::Job),
    row(
        ACTION,
        "- uses: azure-batch-tools",
        How::Left(
            "is shortened; the cases `gates_are_asked_by_a_real_shell` and `gates_are_asked_over_http` run a gate of each kind",
        ),
    ),
    row(ACTION, "$ export", How::Commands(PUBLISHED, &[0])),
    row(
        IMAGES,
        "# image.yaml",
        How::File("packer-plugin-azure-batch plan --settings image.yaml"),
    ),
    row(
        IMAGES,
        "$ packer-plugin-azure-batch plan",
        How::Commands(PUBLISHED, &[10]),
    ),
    row(
        IMAGES,
        "$ packer-plugin-azure-batch list",
        How::Commands(PUBLISHED, &[0]),
    ),
    row(
        IMAGES,
        "mkdir -p ~/.local/bin",
        How::Elsewhere("program_that_packer_installed_gets_a_short_name"),
    ),
    row(
        IMAGES,
        "$plugin = packer plugins installed",
        How::Elsewhere("program_that_packer_installed_gets_a_short_name_in_powershell"),
    ),
    row(
        IMAGES,
        "$ packer-plugin-azure-batch promote",
        How::Commands(PUBLISHED, &[10]),
    ),
    row(
        IMAGES,
        "$ packer-plugin-azure-batch scale",
        How::Commands(PUBLISHED, &[10]),
    ),
    row(IMAGES, "$ packer-plugin-azure-batch gc", How::Commands(PUBLISHED, &[0])),
    row(
        IMAGES,
        "$ packer-plugin-azure-batch prune",
        How::Commands(PUBLISHED, &[0]),
    ),
    row(
        IMAGES,
        "$ packer-plugin-azure-batch publish",
        How::Commands(World::Machine, &[0, 0, 0]),
    ),
    row(
        IMAGES,
        "jq -r .mount_script",
        How::Elsewhere("data_disks_are_mounted_and_only_empty_ones_formatted"),
    ),
    row(
        IMAGES,
        "# retention.yaml",
        How::File("packer-plugin-azure-batch prune --retention-file retention.yaml"),
    ),
    row(
        "docs/manifest.md",
        "{",
        How::Elsewhere("the_file_is_what_its_page_describes"),
    ),
    row(
        POOLS,
        "- id: status",
        How::Elsewhere("every_verb_of_the_action_leaves_outputs_a_summary_and_a_report"),
    ),
    row(
        POOLS,
        "azure-batch-pool notify",
        How::Left(
            "asks GitHub; the case `example_rolls_out_what_another_repository_has_announced` sends the first command's \
             event to a GitHub on loopback",
        ),
    ),
    row(
        POOLS,
        "{",
        How::Elsewhere("example_rolls_out_what_another_repository_has_announced"),
    ),
    row(
        POOLS,
        "# wanted for three days",
        How::Commands(World::Expired(&["branch-41"]), &[0, 10, 0]),
    ),
    row(
        POOLS,
        "azure-batch-pool plan",
        How::Commands(World::Pools(&["render"]), &[10]),
    ),
    row(
        POOLS,
        "# shows what it would do",
        How::Commands(World::Changed(&["render"]), &[10, 0]),
    ),
    row(
        POOLS,
        "# which pools are on managed images",
        How::Elsewhere("migrate_lists_plans_and_moves_a_pool_on_a_managed_image"),
    ),
    row(POOLS, "azure-batch-pool doctor", How::Commands(PUBLISHED, &[0, 0])),
    row(
        POOLS,
        "# two pools",
        How::Left(
            "each command watches tasks for half an hour; \
             `nodes_on_which_as_few_tasks_fail_are_good_and_no_task_is_listed` does so with a clock of its own",
        ),
    ),
    row(
        POOLS,
        "azure-batch-pool wait",
        How::Commands(World::Pools(&["render"]), &[0]),
    ),
    row(
        POOLS,
        "# shows the plan",
        How::Commands(World::Pools(&["branch-42"]), &[10, 0]),
    ),
    row(
        POOLS,
        "azure-batch-pool status",
        How::Commands(World::Pools(&["render"]), &[10, 10, 10]),
    ),
    row(POOL_FILE, "# yaml-language-server", How::Left("a comment for editors")),
    row(
        POOL_FILE,
        "pool-file: line 4",
        How::Elsewhere("every_fault_has_its_line_and_its_name_in_the_file"),
    ),
    row(POOL_FILE, "pool-id: render\nvm-size", How::PoolFile),
    row(
        POOL_FILE,
        "pool-id: render\ntarget",
        How::Elsewhere("every_part_comes_to_batchs_own_json"),
    ),
    row(POOL_FILE, "{\n  \"id\"", How::PoolFile),
    row(POOL_FILE, "{\n  \"type\"", How::PoolFile),
    row(POOL_FILE, "max-parallel", How::PoolFile),
    row(
        PRICE_FILE,
        "# prices.yaml",
        How::Elsewhere("a_plan_with_a_price_file_says_what_each_region_costs"),
    ),
    row(
        PRICE_FILE,
        "cost by your own prices: dedicated",
        How::Elsewhere("the_page_of_price_files_shows_what_is_said"),
    ),
    row(
        PRICE_FILE,
        "stored each month",
        How::Elsewhere("a_plan_with_a_price_file_says_what_each_region_costs"),
    ),
    row(
        PRICE_FILE,
        "cost by your own prices, not known",
        How::Elsewhere("the_page_of_price_files_shows_what_is_said"),
    ),
    row(
        SAMPLES,
        "",
        How::Elsewhere("every_sample_and_its_pool_file_ask_for_the_same_pool"),
    ),
    row(EMULATOR, "cargo run -p azure-emulator", TYPED_BY_AZ),
    row(EMULATOR, "{\n  \"endpoint\"", How::Elsewhere("from_ready")),
    row(EMULATOR, "export AZURE_CONFIG_DIR", TYPED_BY_AZ),
    row(EMULATOR, "DISK=", TYPED_BY_AZ),
    row(EMULATOR, "VERSION=", TYPED_BY_AZ),
    row(
        EMULATOR,
        "credential =",
        How::Left("two lines of a script; `cargo xtask judges sdk` makes its clients the same way"),
    ),
    row(
        EMULATOR,
        "{\"roleAssignments\"",
        How::Elsewhere("the_assignment_in_the_documentation_does_what_it_says"),
    ),
    row(EMULATOR, "[\n", How::Faults),
    row(
        BATCH,
        "az batch pool list",
        How::Left("names no port; `cargo xtask judges az` lists pools with the same flags"),
    ),
    row(BATCH, "{\"batchAccounts\"", How::Seed),
    row(PERFORMANCE, "cargo xtask bench start", How::Xtask),
    row(PERFORMANCE, "# our time", How::Xtask),
    row(PERFORMANCE, "# how soon", How::Xtask),
    row(PERFORMANCE, "cargo xtask bench emulator", How::Xtask),
    row(RELEASING, "# archives", How::Xtask),
    row(
        RELEASING,
        "gh attestation",
        How::Left("asks GitHub about a release that is not there yet"),
    ),
    row(
        RIGHTS,
        "az role definition",
        How::Left("the local Azure has assignments, but no role definitions; a test holds the files to the tables"),
    ),
];

const fn row(page: &'static str, begins: &'static str, how: How) -> Row {
    Row { page, begins, how }
}
