# Runs the script for Windows on two machines that are only played: functions stand in for the cmdlets of Windows' storage
# module, which no other system has. LUN 0 is a disk that Windows initialized, so a Reserved partition without a volume
# stands before its own; LUN 1 has no partition table. Strict mode is the script's.
param([string]$Script)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$env:MOUNT_BASE = 'C:\data'
$env:DISK_WAIT = '0'

function New-PlayedDisk([int]$Number, [string]$Style, [string]$Location, [string]$Path) {
    [pscustomobject]@{
        Number = $Number; IsBoot = $Number -eq 0; IsSystem = $Number -eq 0; IsOffline = $Number -ne 0; IsReadOnly = $false
        PartitionStyle = $Style; Location = $Location; Path = $Path
    }
}

function Add-PlayedPartition([int]$Disk, [string]$FileSystem, [string]$Label) {
    $own = @($global:partitions | Where-Object { $_.DiskNumber -eq $Disk })
    $partition = [pscustomobject]@{
        DiskNumber = $Disk; PartitionNumber = $own.Count + 1; AccessPaths = @(); HasVolume = $FileSystem -ne 'none'
        FileSystem = $FileSystem; FileSystemLabel = $Label
    }
    $global:partitions += $partition
    $partition
}

function Start-PlayedMachine([string]$Controller) {
    $guid = '{53f56307-b6bf-11d0-94f2-00a0c91efb8b}'
    $place = 'Integrated : Adapter {0} : Port 0 : Target 0 : LUN {1}'
    $scsi = '\\?\scsi#disk&ven_msft&prod_virtual_disk#2&1f4adffe&0&{0:d6}#' + $guid
    $remote = '\\?\scsi#disk&ven_nvme&prod_msft_nvme_accele#6&ca10229&0&{0:d6}#' + $guid
    $local = '\\?\scsi#disk&ven_nvme&prod_microsoft_nvme#6&ca10230&0&{0:d6}#' + $guid
    $bus = 'Integrated : Bus 12606208 : Device 0 : Function 0 : Adapter {0}'
    $global:partitions = @()
    $global:disks = switch ($Controller) {
        'SCSI' {
            New-PlayedDisk 0 'GPT' ($place -f 0, 0) ($scsi -f 0)
            New-PlayedDisk 1 'MBR' ($place -f 0, 1) ($scsi -f 1)
            New-PlayedDisk 2 'GPT' ($place -f 1, 0) ($scsi -f 0)
            New-PlayedDisk 3 'RAW' ($place -f 1, 1) ($scsi -f 1)
        }
        'NVMe' {
            New-PlayedDisk 0 'GPT' ($bus -f 0) ($remote -f 0)
            New-PlayedDisk 1 'RAW' ($place -f 1, 0) ($local -f 1)
            New-PlayedDisk 2 'GPT' ($bus -f 0) ($remote -f 1)
            New-PlayedDisk 3 'RAW' ($bus -f 0) ($remote -f 2)
        }
    }
    Add-PlayedPartition 0 'NTFS' 'Windows' | Out-Null
    if ($Controller -eq 'SCSI') { Add-PlayedPartition 1 'NTFS' 'Temporary Storage' | Out-Null }
    Add-PlayedPartition 2 'none' '' | Out-Null
    Add-PlayedPartition 2 'NTFS' 'Data' | Out-Null
}

function Get-Disk {
    [CmdletBinding()] param([int]$Number = -1)
    $global:disks | Where-Object { $Number -lt 0 -or $_.Number -eq $Number }
}

function Set-Disk {
    [CmdletBinding()] param([int]$Number, [bool]$IsOffline, [bool]$IsReadOnly)
    $disk = Get-Disk -Number $Number
    if ($PSBoundParameters.ContainsKey('IsOffline')) { $disk.IsOffline = $IsOffline }
}

function Initialize-Disk {
    [CmdletBinding()] param([int]$Number, [string]$PartitionStyle)
    (Get-Disk -Number $Number).PartitionStyle = $PartitionStyle
    Add-PlayedPartition $Number 'none' '' | Out-Null
}

function New-Partition {
    [CmdletBinding()] param([int]$DiskNumber, [switch]$UseMaximumSize)
    Add-PlayedPartition $DiskNumber '' ''
}

function Format-Volume {
    [CmdletBinding()] param([Parameter(ValueFromPipeline)]$Partition, [string]$FileSystem, [bool]$Confirm)
    process {
        $Partition.FileSystem = $FileSystem
        $Partition
    }
}

# A partition itself plays its volume.
function Get-Volume {
    [CmdletBinding()] param([Parameter(ValueFromPipeline)]$Partition = $null)
    process {
        $asked = if ($null -eq $Partition) { $global:partitions } else { $Partition }
        $asked | Where-Object { $_.HasVolume }
    }
}

function Get-Partition {
    [CmdletBinding()] param([Parameter(ValueFromPipeline)]$Volume = $null, [int]$DiskNumber = -1)
    process {
        if ($null -ne $Volume) { $Volume } else { $global:partitions | Where-Object { $_.DiskNumber -eq $DiskNumber } }
    }
}

function New-Item {
    [CmdletBinding()] param([string]$ItemType, [switch]$Force, [string]$Path)
    $Path
}

function Add-PartitionAccessPath {
    [CmdletBinding()] param([int]$DiskNumber, [int]$PartitionNumber, [string]$AccessPath)
    $it = $global:partitions | Where-Object { $_.DiskNumber -eq $DiskNumber -and $_.PartitionNumber -eq $PartitionNumber }
    $it.AccessPaths += $AccessPath
}

function Assert-Same([string]$What, [string]$Is, [string]$Wanted) {
    if ($Is -ne $Wanted) { throw "$What is '$Is' and should be '$Wanted'" }
}

foreach ($controller in 'SCSI', 'NVMe') {
    Start-PlayedMachine $controller
    $env:FORMAT_EMPTY = ''
    $said = try { & $Script | Out-Null; 'nothing' } catch { "$_" }
    Assert-Same "$controller, without leave" $said `
        'the disk with LUN 1 has no partition table; set FORMAT_EMPTY=yes to make a file system on it'
    $env:FORMAT_EMPTY = 'yes'
    & $Script | Out-Null
    $mounted = $global:partitions | Where-Object { @($_.AccessPaths).Count -gt 0 } |
        ForEach-Object { "$($_.DiskNumber).$($_.PartitionNumber)=$(@($_.AccessPaths) -join ',')" }
    Assert-Same "$controller, mounted" (@($mounted) -join ' ') '2.2=C:\data\lun0\ 3.2=C:\data\lun1\'
    Assert-Same "$controller, the second run" (@(& $Script) -join ' ') ''
}
'all as it should be'
