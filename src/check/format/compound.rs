//! Compound files, the older formats of Office, told apart by the streams in their root directory (MS-CFB sections 2.2 to
//! 2.6).

use std::io;

use super::endian::{u16_le, u32_le};
use super::window::{self, Window};
use super::{Compound, Damage, Format, Recognised};

const SIGNATURE: [u8; 8] = *b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// Sectors of the directory that are followed, and with them the cycles that a chain may have.
const MOST_SECTORS: usize = 256;
/// Entries of the root that are looked at. Those of Office have a dozen, a message one for each recipient too.
const MOST_ENTRIES: usize = 192;
/// Bytes of a directory entry.
const ENTRY: u64 = 128;
/// Sectors of the allocation table that the header lists itself.
const IN_HEADER: u32 = 109;
/// Bytes from which on a stream has sectors of its own.
const SHORTEST_STREAM: u32 = 4096;
/// What stands in the allocation table for the last sector of a chain.
const END_OF_CHAIN: u32 = 0xFFFF_FFFE;
/// The highest number that a sector can have; what is above means an end or nothing.
const HIGHEST_SECTOR: u32 = 0xFFFF_FFFA;

pub(super) fn read(window: &mut Window<'_>) -> io::Result<Option<Recognised>> {
    let head = window.head(512)?;
    if !head.starts_with(&SIGNATURE) {
        return Ok(None);
    }
    let damaged =
        |damage| Some(Recognised { format: Format::Compound(Compound::Other), damage: vec![damage] });
    let mut file = match File::of(head) {
        Ok(file) => file,
        Err(damage) => return Ok(damaged(damage)),
    };
    let Some(sectors) = file.chain(window, file.first_of_directory)? else {
        return Ok(damaged(Damage::Truncated("it is a compound file whose directory is missing".into())));
    };
    let kind = file.kind(window, &sectors)?;
    let damage = match file.missing(window, &sectors) {
        Ok(damage) => damage.into_iter().collect(),
        // What it is, is known all the same.
        Err(error) if window::is_exhausted(&error) => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(Some(Recognised { format: Format::Compound(kind), damage }))
}

/// What the header says.
struct File {
    /// Of a sector, in bytes: 512 or 4096.
    sector: u64,
    first_of_directory: u32,
    /// How many sectors the allocation table has.
    table_sectors: u32,
    /// The first of them.
    table: Vec<u32>,
    /// The sectors that list more of them, as far as their chain was followed.
    lists: Vec<u32>,
}

impl File {
    fn of(head: &[u8]) -> Result<Self, Damage> {
        let cut = || Damage::Truncated("it begins as a compound file and ends within its header".into());
        let number = |at| u32_le(head, at).ok_or_else(cut);
        let sector = match u16_le(head, 30) {
            Some(9) => 512,
            Some(12) => 4096,
            None => return Err(cut()),
            Some(power) => {
                return Err(Damage::Malformed(format!(
                    "its compound header says sectors of 2^{power} bytes"
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

    /// Where a sector begins: the header takes the place of one.
    fn offset(&self, sector: u32) -> u64 {
        (u64::from(sector) + 1) * self.sector
    }

    /// The sector that follows `sector` in its chain; `None` where that cannot be told.
    fn next(&mut self, window: &mut Window<'_>, sector: u32) -> io::Result<Option<u32>> {
        let per_sector = u32::try_from(self.sector / 4).unwrap_or(128);
        let Some(table) = self.table_sector(window, sector / per_sector)? else { return Ok(None) };
        let at = self.offset(table) + u64::from(sector % per_sector) * 4;
        Ok(u32_le(window.at(at, 4)?, 0))
    }

    /// The number of a sector of the allocation table, by its place in that.
    fn table_sector(&mut self, window: &mut Window<'_>, index: u32) -> io::Result<Option<u32>> {
        if index >= self.table_sectors {
            return Ok(None);
        }
        if index < IN_HEADER {
            return Ok(self.table.get(index as usize).copied().filter(|sector| *sector <= HIGHEST_SECTOR));
        }
        // Further ones stand in a chain of sectors, each of which ends with the number of the next.
        let per_sector = u32::try_from(self.sector / 4 - 1).unwrap_or(127);
        let (list, place) = ((index - IN_HEADER) / per_sector, (index - IN_HEADER) % per_sector);
        let list = usize::try_from(list).unwrap_or(usize::MAX);
        while self.lists.len() <= list.min(MOST_SECTORS) {
            let Some(newest) = self.lists.last().copied() else { return Ok(None) };
            let Some(next) = self.number(window, newest, per_sector)? else { return Ok(None) };
            self.lists.push(next);
        }
        match self.lists.get(list) {
            Some(list) => self.number(window, *list, place),
            None => Ok(None),
        }
    }

    /// The number at this place of a sector of them, where it is one of a sector.
    fn number(&self, window: &mut Window<'_>, sector: u32, place: u32) -> io::Result<Option<u32>> {
        let at = self.offset(sector) + u64::from(place) * 4;
        Ok(u32_le(window.at(at, 4)?, 0).filter(|sector| *sector <= HIGHEST_SECTOR))
    }

    /// The sectors of a chain, as far as they are followed; `None` where not even the first is there.
    fn chain(&mut self, window: &mut Window<'_>, first: u32) -> io::Result<Option<Vec<u32>>> {
        let mut sectors = Vec::new();
        let mut sector = first;
        while sector <= HIGHEST_SECTOR && sectors.len() < MOST_SECTORS && self.offset(sector) < window.size()
        {
            sectors.push(sector);
            match self.next(window, sector)? {
                Some(next) => sector = next,
                None => break,
            }
        }
        Ok((!sectors.is_empty()).then_some(sectors))
    }

    /// What the streams in the root tell. What lies deeper is embedded in the document and says nothing of it.
    fn kind(&self, window: &mut Window<'_>, directory: &[u32]) -> io::Result<Compound> {
        let root = self.entry(window, directory, 0)?;
        let mut pending: Vec<u32> = root.into_iter().map(|root| root.child).collect();
        let mut kind = Compound::Other;
        for _ in 0..MOST_ENTRIES {
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

    /// An entry of the directory.
    fn entry(&self, window: &mut Window<'_>, directory: &[u32], index: u32) -> io::Result<Option<Entry>> {
        Ok(self.bytes_of_entry(window, directory, index)?.and_then(Entry::of))
    }

    /// The bytes of an entry; `None` where its sector is not known.
    fn bytes_of_entry<'w>(
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

    /// What is wrong where the file ends before the last sector that its allocation table knows does.
    fn missing(&mut self, window: &mut Window<'_>, directory: &[u32]) -> io::Result<Option<Damage>> {
        let Some(last) = self.table_sectors.checked_sub(1) else { return Ok(None) };
        let Some(table) = self.table_sector(window, last)? else { return Ok(None) };
        let size = window.size();
        let say = |bytes| {
            Damage::Truncated(format!("it is a compound file of {bytes} bytes, and {size} are there"))
        };
        if self.offset(table) >= size {
            return Ok(Some(say(self.offset(table) + self.sector)));
        }
        let entries = window.at(self.offset(table), usize::try_from(self.sector).unwrap_or(512))?;
        if entries.len() as u64 != self.sector {
            return Ok(Some(say(self.offset(table) + self.sector)));
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
        // Some writers leave off what is not used of the last sector, and nothing else: then the file ends with a stream.
        let ends_with_stream =
            size > begin && ends_a_chain && self.ends_of_stream(window, directory, number, size - begin)?;
        Ok((!ends_with_stream).then(|| say(end)))
    }

    /// Whether a stream ends in this sector after so many bytes. Only streams that lie in one piece are known to: what comes
    /// last was written last.
    fn ends_of_stream(
        &self,
        window: &mut Window<'_>,
        directory: &[u32],
        last: u32,
        used: u64,
    ) -> io::Result<bool> {
        for index in 0..u32::try_from(MOST_ENTRIES).unwrap_or(u32::MAX) {
            let Some(entry) = self.bytes_of_entry(window, directory, index)? else { return Ok(false) };
            // Of the length, the lower half: nothing larger is sent.
            let Some((first, length)) = u32_le(entry, 116).zip(u32_le(entry, 120)) else { continue };
            // Shorter streams lie in the root's, which is one, too.
            let is_stream = match entry.get(66) {
                Some(2) => length >= SHORTEST_STREAM,
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

/// What of a directory entry matters here.
struct Entry {
    name: String,
    left: u32,
    right: u32,
    child: u32,
}

impl Entry {
    fn of(bytes: &[u8]) -> Option<Self> {
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
