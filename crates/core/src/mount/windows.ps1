# Mounts the data disks of a node's image by their LUNs, each below one folder: C:\data\lun0, C:\data\lun1, …
# It needs an administrator, and may run again at any time: what is mounted already stays. A disk that has partitions is
# never formatted. A disk without any is formatted only when FORMAT_EMPTY is "yes"; otherwise the script fails.
#
# MOUNT_BASE    the folder; C:\data when it is not set
# FORMAT_EMPTY  "yes" makes an NTFS file system on a disk that has no partition table
# DISK_WAIT     for how many seconds a disk is waited for; 60 when it is not set
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest

$luns = @(@LUNS@)
$base = if ($env:MOUNT_BASE) { $env:MOUNT_BASE } else { 'C:\data' }
$wait = if ($env:DISK_WAIT) { [int]$env:DISK_WAIT } else { 60 }

# A disk of an NVMe controller shows no LUN. The path of a remote one ends with a number: the OS disk has 0 and LUN 0 has 1.
# From 10 on it could be decimal or hexadecimal, so it is not read. A local disk is never taken for a data disk.
function Test-Lun($Disk, [int]$Lun) {
    if ($Disk.Path -match 'ven_nvme') {
        return $Lun -le 8 -and $Disk.Path -match ('prod_msft_nvme_accele.*&0*{0}(#|$)' -f ($Lun + 1))
    }
    $Disk.Location -match "LUN $Lun$"
}

# Data disks are neither the boot disk nor the temporary one, whose volume has a fixed label.
function Find-DataDisk([int]$Lun) {
    $temporary = @(Get-Volume | Where-Object FileSystemLabel -eq 'Temporary Storage' | Get-Partition |
            Select-Object -ExpandProperty DiskNumber)
    Get-Disk | Where-Object {
        -not $_.IsBoot -and -not $_.IsSystem -and $temporary -notcontains $_.Number -and (Test-Lun $_ $Lun)
    } | Select-Object -First 1
}

function Wait-DataDisk([int]$Lun) {
    for ($left = $wait; $left -ge 0; $left--) {
        $disk = Find-DataDisk $Lun
        if ($disk) { return $disk }
        Start-Sleep -Seconds 1
    }
    throw "there is no disk with LUN $Lun; on a node whose disks are NVMe the script finds LUNs 0 to 8 only"
}

# The Reserved partition of a GPT disk has no volume, and strict mode refuses to read a property of nothing.
function Test-FileSystem($Partition) {
    $volume = $Partition | Get-Volume -ErrorAction SilentlyContinue
    $null -ne $volume -and [bool]$volume.FileSystem
}

function Mount-Partition($Partition, [string]$Folder) {
    $path = $Folder.TrimEnd('\') + '\'
    if (@($Partition.AccessPaths) -contains $path) { return }
    New-Item -ItemType Directory -Force -Path $Folder | Out-Null
    Add-PartitionAccessPath -DiskNumber $Partition.DiskNumber -PartitionNumber $Partition.PartitionNumber -AccessPath $path
    Write-Output "mount-data-disks: disk $($Partition.DiskNumber) is on $Folder"
}

function Mount-Lun([int]$Lun) {
    $disk = Wait-DataDisk $Lun
    if ($disk.IsOffline) { Set-Disk -Number $disk.Number -IsOffline $false }
    if ($disk.IsReadOnly) { Set-Disk -Number $disk.Number -IsReadOnly $false }
    $disk = Get-Disk -Number $disk.Number
    if ($disk.PartitionStyle -eq 'RAW') {
        if ($env:FORMAT_EMPTY -ne 'yes') {
            throw "the disk with LUN $Lun has no partition table; set FORMAT_EMPTY=yes to make a file system on it"
        }
        Initialize-Disk -Number $disk.Number -PartitionStyle GPT
        New-Partition -DiskNumber $disk.Number -UseMaximumSize | Format-Volume -FileSystem NTFS -Confirm:$false | Out-Null
    }
    $volumes = @(Get-Partition -DiskNumber $disk.Number | Where-Object { Test-FileSystem $_ })
    if ($volumes.Count -eq 0) { throw "the disk with LUN $Lun has no file system that Windows knows; it is left alone" }
    if ($volumes.Count -eq 1) {
        Mount-Partition $volumes[0] "$base\lun$Lun"
        return
    }
    for ($number = 1; $number -le $volumes.Count; $number++) {
        Mount-Partition $volumes[$number - 1] "$base\lun$Lun-part$number"
    }
}

foreach ($lun in $luns) { Mount-Lun $lun }
