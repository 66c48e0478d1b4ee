"""The text of the script that looks at disks; ``fence`` puts before it what it goes by, and reads what it says."""

from ..model.contents import HALF, Unreadable

ENDED, REFUSED = 10, 11
"""Exit statuses of a look."""

LOCK_SECONDS = 60
"""How long a look waits for another one to end: half a dozen seconds for each RAID that is assembled."""

BOOTED = "{}.booted"
"""What lies beside a marker once its system was booted."""

BODY = rf"""MODE=$1
DISK=
READ_ONLY=--read-only ASSEMBLE=--readonly
[ "$MODE" != finish ] || READ_ONLY='' ASSEMBLE=''
export LC_ALL=C

# plain TEXT: what JSON can hold of it.
plain() {{
    printf '%s' "$1" | tr -cd '[:alnum:] ._:/,@+()=-' | cut -c 1-200
}}

# tell KIND VALUE WHERE TYPE: one fact about the disk that is looked at. WHERE is the way from the disk inwards.
tell() {{
    printf '{{"disk": "%s", "%s": "%s", "where": "%s", "type": "%s"}}\n' \
        "$DISK" "$1" "$(plain "$2")" "$(plain "$3")" "$(plain "${{4-}}")"
}}

have() {{
    command -v "$1" > /dev/null 2>&1
}}

# tree DEVICE: itself, and every block device on it that the kernel shows.
tree() {{
    lsblk --noheadings --list --paths --output NAME "$1" 2> /dev/null
}}

# above DEVICE: the same without itself, in whatever order lsblk lists them.
above() {{
    tree "$1" | grep -vxF "$1"
}}

# size DEVICE: in bytes; nothing where it cannot be opened.
size() {{
    blockdev --getsize64 "$1" 2> /dev/null
}}

# tag DEVICE OPTION...: what is written there, read from the disk itself. Exit status 8: signatures of several kinds.
tag() {{
    device=$1
    shift
    blkid --probe --output value "$@" "$device" 2> /dev/null
}}

# window DEVICE OFFSET BYTES OPTION...: a loop device that shows this part of it.
window() {{
    device=$1 offset=$2 length=$3
    shift 3
    losetup --find --show "$@" --offset "$offset" --sizelimit "$length" "$device" 2> /dev/null
}}

# in_text PATTERN: the first group of this expression, in the marker that is judged.
in_text() {{
    printf '%s' "$text" | sed -n "s/.*$1.*/\1/p"
}}

# judge FILE: what the marker in it means for this install.
judge() {{
    text=$(head -c 65536 "$1" | tr -d '\n')
    id=$(in_text '"id": "\([0-9a-f]\{{12\}}\)"') fleet=$(in_text '"fleet": "\([0-9a-f-]*\)"')
    ended=yes
    case $text in
        *'"finished": false'*) ended='' ;;
    esac
    verdict=refused
    if [ "${{fleet:-$FLEET}}" = "${{FLEET:-$fleet}}" ]; then
        if [ -z "$ended" ]; then
            [ -e "{BOOTED.format("$1")}" ] || verdict=abandoned
        elif [ "$id" = "$INSTALL" ]; then
            verdict=ended
        elif [ -n "$ANSWERS" ]; then
            case $text in
                *'"reinstall": '"$ANSWERS"[,\}}]*) verdict=answered ;;
            esac
        fi
    fi
    [ "$verdict:$id" != "abandoned:$INSTALL" ] || verdict=unfinished
    case "$verdict: $ALLOWED " in
        abandoned:*" ${{id:-?}} "* | refused:*" ${{id:-?}} "*) verdict=allowed ;;
    esac
    printf '{{"disk": "%s", "verdict": "%s", "marker": "%s"}}\n' \
        "$DISK" "$verdict" "$(printf '%s' "$text" | base64 | tr -d '\n')"
}}

# finish FILE: its install has ended well, and what it wrote is on the disks. Only of this install, and in one go.
finish() {{
    grep -q '"id": "'"$INSTALL"'"' "$1" || return 0
    now=$(date --utc +%Y-%m-%dT%H:%M:%SZ)
    ended='"finished": true, "ended": "'$now'", "written": ['$WRITTEN']'
    (umask 077 && sed 's/"finished": false/'"$ended"'/' "$1" > "$1.new") && mv "$1.new" "$1" &&
        sync --file-system "$1" && printf '{{"disk": "%s", "finished": true}}\n' "$DISK"
}}

# files FOLDER WHERE: look into a file system that is mounted there.
files() {{
    marked=
    for base in "$1" "$1/@" "$1/@rootfs"; do
        if [ -f "$base$MARKER" ] && [ ! -L "$base$MARKER" ]; then
            marked=yes
            case $MODE in
                finish) finish "$base$MARKER" ;;
                *) judge "$base$MARKER" ;;
            esac
        fi
    done
    [ -z "$marked" ] || return 0
    other=$(find "$1" -mindepth 1 -maxdepth 1 ! -name lost+found 2> /dev/null | head -n 1)
    [ -z "$other" ] || tell files some "$2"
}}

# filesystem DEVICE WHERE TYPE OPTIONS: the options keep it from replaying its journal, which would write.
filesystem() {{
    options=$4
    [ "$MODE" != finish ] || options=rw
    if mount -t "$3" -o "$options" "$1" "$MOUNT" 2> /dev/null; then
        files "$MOUNT" "$2"
        umount "$MOUNT" || umount --lazy "$MOUNT"
    else
        tell unread {Unreadable.NOT_MOUNTED} "$2" "$3"
    fi
}}

# table DEVICE WHERE: partitions that the kernel shows not, of a table that is damaged or that it does not know.
table() (
    kind=$(tag "$1" --match-tag PTTYPE)
    if [ -z "$kind" ] || [ -n "$(above "$1")" ]; then
        exit
    fi
    parts=$(partx --raw --noheadings --output START,SECTORS "$1" 2> /dev/null)
    case $kind:$parts in
        PMBR:* | *:) tell unread {Unreadable.BAD_TABLE} "$2" "$kind" ;;
    esac
    printf '%s\n' "$parts" | while read -r start sectors; do
        [ -n "$sectors" ] || continue
        # shellcheck disable=SC2086  # it is an option, or nothing
        part=$(window "$1" $((start * 512)) $((sectors * 512)) $READ_ONLY) || {{
            tell unread {Unreadable.NOT_OPENED} "$2 @$start"
            continue
        }}
        inspect "$part" "$2 @$start"
        losetup --detach "$part"
    done
)

# raid DEVICE WHERE: a member of a software RAID. Of a mirror that cannot be assembled the data is read as it lies.
raid() (
    for array in $(above "$1"); do
        [ "$(size "$array")" = 0 ] || exit  # it runs, and is looked at by itself
    done
    have mdadm || {{
        tell unread {Unreadable.NO_TOOL} "$2" linux_raid_member
        exit
    }}
    told=$(mdadm --examine "$1" 2> /dev/null)
    uuid=$(printf '%s\n' "$told" | sed -n 's/^ *\(Array \)\{{0,1\}}UUID : \([0-9a-f:]*\).*/\2/p' | head -n 1)
    number=127
    while [ -e "/sys/block/md$number" ]; do
        number=$((number - 1))
    done
    # shellcheck disable=SC2086  # it is an option, or nothing
    if [ -n "$uuid" ] && [ -z "$(above "$1")" ] && mdadm --assemble $ASSEMBLE --run --config=partitions \
        --uuid="$uuid" "/dev/md$number" > /dev/null 2>&1 8>&-; then
        for device in $(tree "/dev/md$number"); do
            inspect "$device" "$2 $device"
        done
        mdadm --stop "/dev/md$number" > /dev/null 2>&1
        exit
    fi
    kilobytes=$(printf '%s\n' "$told" | sed -n 's/^ *Array Size : \([0-9]*\).*/\1/p')
    sectors=$(printf '%s\n' "$told" | sed -n 's/^ *Data Offset : \([0-9]*\) sectors.*/\1/p')
    level=$(printf '%s\n' "$told" | sed -n 's/^ *Raid Level : //p')
    case $level:$kilobytes in
        raid1:[0-9]*) ;;
        *)
            tell unread {Unreadable.NOT_ASSEMBLED} "$2" linux_raid_member
            exit
            ;;
    esac
    part=$(window "$1" $((${{sectors:-0}} * 512)) $((kilobytes * 1024)) --read-only) || {{
        tell unread {Unreadable.NOT_ASSEMBLED} "$2" linux_raid_member
        exit
    }}
    inspect "$part" "$2 {HALF}"
    losetup --detach "$part"
)

# volumes DEVICE WHERE: a physical volume of LVM.
volumes() (
    [ -z "$(above "$1")" ] || exit  # they are active, and looked at by themselves
    if ! have pvs || ! have vgchange; then
        tell unread {Unreadable.NO_TOOL} "$2" LVM2_member
        exit
    fi
    group=$(pvs --noheadings --options vg_name "$1" 2> /dev/null | tr -d ' ')
    if [ -n "$group" ]; then
        read_only="activation {{ read_only_volume_list = [ ${{READ_ONLY:+\"$group\"}} ] }}"
        vgchange --activate y --config "$read_only" "$group" > /dev/null 2>&1 8>&-
        found=$(above "$1")
        for device in $found; do
            inspect "$device" "$2 $device"
        done
        vgchange --activate n "$group" > /dev/null 2>&1
    fi
    [ -n "${{found-}}" ] || tell unread {Unreadable.NOT_ASSEMBLED} "$2" LVM2_member
)

# inspect DEVICE WHERE: look at what is written there.
inspect() (
    used=$(findmnt --noheadings --first-only --output TARGET --source "$1" 2> /dev/null)
    if [ -n "$used" ]; then
        case $used in
            "${{MOUNT%/*}}"/*) ;;  # an installer of ours that was killed
            *) tell mounted "$used" "$2" ;;
        esac
        files "$used" "$2"
        exit
    fi
    case $(size "$1") in
        0) exit ;;  # a RAID that does not run: its members are looked at
        '')
            tell unread {Unreadable.NOT_OPENED} "$2"
            exit
            ;;
    esac
    type=$(tag "$1" --match-tag TYPE)
    [ "$?" -ne 8 ] || type=several
    case $type in
        ext[234]) filesystem "$1" "$2" ext4 ro,noload ;;
        xfs) filesystem "$1" "$2" xfs ro,norecovery,nouuid ;;
        btrfs) filesystem "$1" "$2" btrfs ro,rescue=nologreplay ;;
        linux_raid_member) raid "$1" "$2" ;;
        LVM2_member) volumes "$1" "$2" ;;
        several)
            filesystem "$1" "$2" ext4 ro,noload
            filesystem "$1" "$2" xfs ro,norecovery,nouuid
            ;;
        '') table "$1" "$2" ;;
        swap | vfat) ;;  # no system can be in it
        *) tell unread {Unreadable.OF_NO_KNOWN_KIND} "$2" "$type" ;;
    esac
)

# written: every UUID on the disk that is long enough to be nobody else's.
written() {{
    found=$(
        for device in $(tree "/dev/$DISK"); do
            tag "$device" --match-tag UUID --match-tag PTUUID --match-tag PART_ENTRY_UUID
        done | grep -E '^[0-9A-Za-z-]{{32,}}$' | sort -u | sed 's/.*/"&"/' | tr '\n' ',' | sed 's/,$//'
    )
    printf '{{"disk": "%s", "uuids": [%s]}}\n' "$DISK" "$found"
}}

each_disk() {{
    for DISK in $DISKS; do
        if [ "$MODE" != written ]; then
            devices=$(tree "/dev/$DISK")
            [ -n "$devices" ] || tell unread {Unreadable.NO_SUCH_DISK} "/dev/$DISK"
            for device in $devices; do
                inspect "$device" "$device"
            done
        fi
        [ "$MODE" = finish ] || written
    done
}}

main() {{
    for program in $NEEDED; do
        have "$program" || {{
            echo "the live system has no $program" >&2
            exit 1
        }}
    done
    mkdir -p "$MOUNT" || exit 1
    exec 8> "$MOUNT.lock"  # two looks would mount over each other
    flock --timeout {LOCK_SECONDS} 8 || {{
        echo "another look at the disks goes on for longer than {LOCK_SECONDS} s" >&2
        exit 1
    }}
    while mountpoint --quiet "$MOUNT"; do
        umount "$MOUNT" || exit 1  # what a look that was killed left behind
    done
    WRITTEN=
    if [ "$MODE" = finish ]; then
        WRITTEN=$(for DISK in $DISKS; do written; done | tr '\n' ',' | sed 's/,$//')
    fi
    facts=$(each_disk)
    [ -z "$facts" ] || printf '%s\n' "$facts"
    if [ "$MODE" = look ] && [ -n "$SEEN" ] && [ "$(printf '%s' "$facts" | sha256sum | cut -c 1-64)" != "$SEEN" ]; then
        printf '{{"disk": "", "changed": true}}\n'
        case $facts in
            *'"verdict": "ended"'*) exit {ENDED} ;;
        esac
        exit {REFUSED}
    fi
    case $MODE:$facts in
        finish:*'"finished": true'*) exit 0 ;;
        finish:*) exit 1 ;;
        look:*'"verdict": "ended"'*) exit {ENDED} ;;
        look:*'"verdict": "refused"'* | look:*'"verdict": "answered"'* | look:*'"mounted": "'*) exit {REFUSED} ;;
    esac
}}

main
exit
"""
