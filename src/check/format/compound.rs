//! Compound files (CFB, the older Office formats), recognised by the streams in their root directory (MS-CFB sections 2.2 to 2.6).

use std::io;

use super::endian::{u16_le, u32_le};
use super::window::{self, Window};
use super::{Compound, Damage, Format, Recognised};

const SIGNATURE: [u8; 8] = *b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// The most sectors of a chain to follow, which also ends cycles.
const MAX_SECTORS: usize = 256;
/// The most entries of the root directory to read. Office documents have a dozen, a message has one for each recipient as well.
const MAX_ENTRIES: usize = 192;
/// Size of a directory entry in bytes.
const ENTRY: u64 = 128;
/// FAT sectors that the header itself lists.
const IN_HEADER: u32 = 109;
/// Minimum size, in bytes, of a stream with its own sectors; shorter ones are in the mini stream.
const MINI_STREAM_CUTOFF: u32 = 4096;
/// FAT entry of the last sector of a chain.
const END_OF_CHAIN: u32 = 0xFFFF_FFFE;
/// The highest sector number; higher FAT entries mark ends and free sectors.
const HIGHEST_SECTOR: u32 = 0xFFFF_FFFA;

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let head = window.head(512)?;
    if !head.starts_with(&SIGNATURE) {
        return Ok(None);
    }
    let damaged =
        |damage| Some(Recognised { format: Format::Compound(Compound::Other), damage: vec![damage] });
    let mut file = match File::parse(head) {
        Ok(file) => file,
        Err(damage) => return Ok(damaged(damage)),
    };
    let Some(sectors) = file.chain(window, file.first_of_directory)? else {
        return Ok(damaged(Damage::Truncated("a compound file with no directory".into())));
    };
    let kind = file.kind(window, &sectors)?;
    let damage = match file.truncation(window, &sectors) {
        Ok(damage) => damage.into_iter().collect(),
        // The format is known anyway.
        Err(error) if window::is_exhausted(&error) => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(Some(Recognised { format: Format::Compound(kind), damage }))
}

/// The header of a compound file.
struct File {
    /// Sector size in bytes: 512 or 4096.
    sector: u64,
    first_of_directory: u32,
    /// Number of FAT sectors.
    table_sectors: u32,
    /// The FAT sectors that the header lists.
    table: Vec<u32>,
    /// The sectors that list further FAT sectors (DIFAT), as far as their chain was followed.
    lists: Vec<u32>,
}

impl File {
    fn parse(head: &[u8]) -> Result<Self, Damage> {
        let cut = || Damage::Truncated("a compound file that ends within its header".into());
        let number = |at| u32_le(head, at).ok_or_else(cut);
        let sector = match u16_le(head, 30) {
            Some(9) => 512,
            Some(12) => 4096,
            None => return Err(cut()),
            Some(power) => {
                return Err(Damage::Malformed(format!(
                    "the compound file header has sectors of 2^{power} bytes"
                )));
            }
        };
        let table = (0..109).map(|index| number(76 + 4 * index)).collect::<Result<_, _>>()?;
        Ok(Self {
            sector,
            first_of_directory: number(48)?,
            table_sectors: number(44)?,
            table,
            lists: vec![number(68)?],
        })
    }

    /// The offset of a sector: the header takes the place of the first one.
    fn offset(&self, sector: u32) -> u64 {
        (u64::from(sector) + 1) * self.sector
    }

    /// The sector after `sector` in its chain; `None` if the FAT entry cannot be read.
    fn next(&mut self, window: &mut Window<'_>, sector: u32) -> io::Result<Option<u32>> {
        let per_sector = u32::try_from(self.sector / 4).unwrap_or(128);
        let Some(table) = self.table_sector(window, sector / per_sector)? else { return Ok(None) };
        let at = self.offset(table) + u64::from(sector % per_sector) * 4;
        Ok(u32_le(window.at(at, 4)?, 0))
    }

    /// The sector number of the FAT sector with this index.
    fn table_sector(&mut self, window: &mut Window<'_>, index: u32) -> io::Result<Option<u32>> {
        if index >= self.table_sectors {
            return Ok(None);
        }
        if index < IN_HEADER {
            return Ok(self.table.get(index as usize).copied().filter(|sector| *sector <= HIGHEST_SECTOR));
        }
        // Further ones are in a chain of DIFAT sectors, each of which ends with the number of the next.
        let per_sector = u32::try_from(self.sector / 4 - 1).unwrap_or(127);
        let (list, place) = ((index - IN_HEADER) / per_sector, (index - IN_HEADER) % per_sector);
        let list = usize::try_from(list).unwrap_or(usize::MAX);
        while self.lists.len() <= list.min(MAX_SECTORS) {
            let Some(newest) = self.lists.last().copied() else { return Ok(None) };
            let Some(next) = self.number(window, newest, per_sector)? else { return Ok(None) };
            self.lists.push(next);
        }
        match self.lists.get(list) {
            Some(list) => self.number(window, *list, place),
            None => Ok(None),
        }
    }

    /// The sector number at this index of a DIFAT sector, if it is valid.
    fn number(&self, window: &mut Window<'_>, sector: u32, place: u32) -> io::Result<Option<u32>> {
        let at = self.offset(sector) + u64::from(place) * 4;
        Ok(u32_le(window.at(at, 4)?, 0).filter(|sector| *sector <= HIGHEST_SECTOR))
    }

    /// The sectors of a chain, up to the limit; `None` if the first one is missing.
    fn chain(&mut self, window: &mut Window<'_>, first: u32) -> io::Result<Option<Vec<u32>>> {
        let mut sectors = Vec::new();
        let mut sector = first;
        while sector <= HIGHEST_SECTOR && sectors.len() < MAX_SECTORS && self.offset(sector) < window.size() {
            sectors.push(sector);
            match self.next(window, sector)? {
                Some(next) => sector = next,
                None => break,
            }
        }
        Ok((!sectors.is_empty()).then_some(sectors))
    }

    /// The format that the root's streams identify. Deeper streams belong to embedded documents.
    fn kind(&self, window: &mut Window<'_>, directory: &[u32]) -> io::Result<Compound> {
        let root = self.entry(window, directory, 0)?;
        let mut pending: Vec<u32> = root.into_iter().map(|root| root.child).collect();
        let mut kind = Compound::Other;
        for _ in 0..MAX_ENTRIES {
            let Some(entry) = pending.pop() else { break };
            let Some(entry) = self.entry(window, directory, entry)? else { continue };
            match entry.name.as_str() {
                "EncryptedPackage" | "EncryptionInfo" => return Ok(Compound::Encrypted),
                "WordDocument" => kind = Compound::Doc,
                "Workbook" | "Book" => kind = Compound::Xls,
                "PowerPoint Document" => kind = Compound::Ppt,
                "__properties_version1.0" | "__nameid_version1.0" => kind = Compound::Msg,
                _ => {}
            }
            pending.extend([entry.left, entry.right]);
        }
        Ok(kind)
    }

    /// A directory entry.
    fn entry(&self, window: &mut Window<'_>, directory: &[u32], index: u32) -> io::Result<Option<Entry>> {
        Ok(self.entry_bytes(window, directory, index)?.and_then(Entry::parse))
    }

    /// The bytes of an entry; `None` if its sector is unknown.
    fn entry_bytes<'w>(
        &self,
        window: &'w mut Window<'_>,
        directory: &[u32],
        index: u32,
    ) -> io::Result<Option<&'w [u8]>> {
        let at = u64::from(index) * ENTRY;
        let sector = usize::try_from(at / self.sector).ok().and_then(|place| directory.get(place));
        let Some(sector) = sector else { return Ok(None) };
        window.at(self.offset(*sector) + at % self.sector, 128).map(Some)
    }

    /// The damage if the file ends before the last sector that its FAT uses.
    fn truncation(&mut self, window: &mut Window<'_>, directory: &[u32]) -> io::Result<Option<Damage>> {
        let Some(last) = self.table_sectors.checked_sub(1) else { return Ok(None) };
        let Some(table) = self.table_sector(window, last)? else { return Ok(None) };
        let size = window.size();
        let truncated =
            |bytes| Damage::Truncated(format!("the compound file has {bytes} bytes, but {size} are present"));
        if self.offset(table) >= size {
            return Ok(Some(truncated(self.offset(table) + self.sector)));
        }
        let entries = window.at(self.offset(table), usize::try_from(self.sector).unwrap_or(512))?;
        if entries.len() as u64 != self.sector {
            return Ok(Some(truncated(self.offset(table) + self.sector)));
        }
        let Some(used) = entries.chunks_exact(4).rposition(|entry| entry != [0xFF; 4]) else {
            return Ok(None);
        };
        let ends_a_chain = u32_le(entries, used * 4) == Some(END_OF_CHAIN);
        let number = u64::from(last) * (self.sector / 4) + used as u64;
        let Ok(number) = u32::try_from(number) else { return Ok(None) };
        let begin = self.offset(number);
        let end = begin + self.sector;
        if size >= end {
            return Ok(None);
        }
        // Some writers omit the unused rest of the last sector: then the file ends exactly with a stream.
        let ends_with_stream =
            size > begin && ends_a_chain && self.ends_of_stream(window, directory, number, size - begin)?;
        Ok((!ends_with_stream).then(|| truncated(end)))
    }

    /// Whether a stream ends in this sector after `used` bytes. Considers only contiguous streams: the last sector was written last.
    fn ends_of_stream(
        &self,
        window: &mut Window<'_>,
        directory: &[u32],
        last: u32,
        used: u64,
    ) -> io::Result<bool> {
        for index in 0..u32::try_from(MAX_ENTRIES).unwrap_or(u32::MAX) {
            let Some(entry) = self.entry_bytes(window, directory, index)? else { return Ok(false) };
            // Of the length, the lower half: nothing larger is sent.
            let Some((first, length)) = u32_le(entry, 116).zip(u32_le(entry, 120)) else { continue };
            // Shorter streams are in the root entry's mini stream, which counts as a stream itself.
            let is_stream = match entry.get(66) {
                Some(2) => length >= MINI_STREAM_CUTOFF,
                kind => kind == Some(&5),
            };
            let sectors = u64::from(length).div_ceil(self.sector);
            let ends_here = sectors > 0 && u64::from(first) + sectors - 1 == u64::from(last);
            if is_stream && ends_here && u64::from(length) - (sectors - 1) * self.sector == used {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The fields of a directory entry that matter here.
struct Entry {
    name: String,
    left: u32,
    right: u32,
    child: u32,
}

impl Entry {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let is_used = matches!(bytes.get(66), Some(1 | 2 | 5));
        let length = usize::from(u16_le(bytes, 64)?).saturating_sub(2).min(62);
        let units = bytes[..length].chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        let name =
            char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        let entry =
            Self { name, left: u32_le(bytes, 68)?, right: u32_le(bytes, 72)?, child: u32_le(bytes, 76)? };
        is_used.then_some(entry)
    }
}
