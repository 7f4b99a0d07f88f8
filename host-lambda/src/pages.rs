//! The pages of a file. A TIFF may hold several; every other format is one page here.
//!
//! A TIFF is a chain of directories, each of which describes a page and names the next; all positions count from the
//! beginning of the file. A file that says that its first directory is that of page 3 is therefore a file whose
//! first page is page 3: the module, which reads the first page of a file, reads every page that way, and no
//! picture is taken apart outside of it. (TIFF 6.0, section 2; BigTIFF as in libtiff's design.)

use std::borrow::Cow;
use std::collections::HashSet;

use bytes::Bytes;

use crate::failure::Failure;

/// A tag that tells what a directory is of: bit 0 a smaller version of another page, bit 2 a mask.
const NEW_SUBFILE_TYPE: u64 = 254;

/// One page of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    file: Bytes,
    /// For a page that is not the first: where its directory's position goes, and that position.
    first: Option<(usize, Vec<u8>)>,
}

impl Page {
    /// The bytes of a file whose first page this is.
    #[must_use]
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        let Some((at, position)) = &self.first else {
            return Cow::Borrowed(&self.file);
        };
        let mut bytes = self.file.to_vec();
        if let Some(place) = bytes.get_mut(*at..*at + position.len()) {
            place.copy_from_slice(position);
        }
        Cow::Owned(bytes)
    }
}

/// The pages of a file, at least one: what is no TIFF, or a broken one, is left to the module as it is.
///
/// # Errors
/// `batch_too_large` if there are more pages than `most`.
pub fn pages(file: &Bytes, most: usize) -> Result<Vec<Page>, Failure> {
    let whole = || Page {
        file: file.clone(),
        first: None,
    };
    let Some(tiff) = Tiff::of(file) else {
        return Ok(vec![whole()]);
    };
    let directories = tiff.directories(most);
    if directories.len() > most {
        return Err(Failure::new(
            "batch_too_large",
            format!("the TIFF has more than the {most} pages that are read at once; split it"),
        ));
    }
    if directories.is_empty() {
        return Ok(vec![whole()]);
    }
    let at = tiff.first_at();
    let page = |position: &u64| {
        let position = tiff.position_bytes(*position);
        let is_first = file.get(at..at + position.len()) == Some(position.as_slice());
        Page {
            file: file.clone(),
            first: (!is_first).then_some((at, position)),
        }
    };
    Ok(directories.iter().map(page).collect())
}

/// A TIFF by its header.
struct Tiff<'a> {
    file: &'a [u8],
    big_endian: bool,
    /// BigTIFF: positions of 8 bytes.
    big: bool,
}

impl<'a> Tiff<'a> {
    fn of(file: &'a [u8]) -> Option<Self> {
        let (big_endian, big) = match file.get(..4)? {
            b"II*\0" => (false, false),
            b"MM\0*" => (true, false),
            b"II+\0" => (false, true),
            b"MM\0+" => (true, true),
            _ => return None,
        };
        Some(Self {
            file,
            big_endian,
            big,
        })
    }

    /// Where the position of the first directory stands.
    fn first_at(&self) -> usize {
        if self.big { 8 } else { 4 }
    }

    fn position_bytes(&self, position: u64) -> Vec<u8> {
        let mut bytes = position.to_be_bytes().to_vec();
        if !self.big {
            bytes.drain(..4);
        }
        if !self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    fn number(&self, at: u64, length: u64) -> Option<u64> {
        let start = usize::try_from(at).ok()?;
        let end = usize::try_from(at.checked_add(length)?).ok()?;
        let bytes = self.file.get(start..end)?;
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big_endian {
            bytes.iter().fold(0, join)
        } else {
            bytes.iter().rev().fold(0, join)
        })
    }

    /// Positions of the directories that are pages, up to one more than `most`. A chain that is broken or runs in
    /// a circle ends there.
    fn directories(&self, most: usize) -> Vec<u64> {
        let (position_size, count_size, entry_size) =
            if self.big { (8, 8, 20) } else { (4, 2, 12) };
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut at = self.number(self.first_at() as u64, position_size);
        while let Some(position) = at
            && position != 0
            && found.len() <= most
            // A page and its smaller versions: more is no document.
            && seen.len() <= most.saturating_mul(16)
            && seen.insert(position)
        {
            let Some(count) = self.number(position, count_size) else {
                break;
            };
            let entries = position + count_size;
            let Some(end) = count
                .checked_mul(entry_size)
                .and_then(|size| entries.checked_add(size))
                .filter(|end| *end <= self.file.len() as u64)
            else {
                break;
            };
            // A directory that describes nothing is none.
            if count > 0 && !self.is_no_page(entries, entry_size) {
                found.push(position);
            }
            at = self.number(end, position_size);
        }
        found
    }

    /// Whether a directory is of a smaller version of a page, or of a mask. Entries stand in the order of their tags,
    /// and this is the lowest that there is.
    fn is_no_page(&self, entry: u64, entry_size: u64) -> bool {
        if self.number(entry, 2) != Some(NEW_SUBFILE_TYPE) {
            return false;
        }
        // The value stands in the entry itself, after tag, type and count: a LONG in either form.
        let value = entry + entry_size - if self.big { 8 } else { 4 };
        self.number(value, 4).is_some_and(|kind| kind & 0b101 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain of directories of one entry each: the given values of NewSubfileType.
    fn tiff(kinds: &[u32], big_endian: bool, big: bool) -> Vec<u8> {
        let number = |value: u64, length: usize| {
            let bytes = value.to_be_bytes()[8 - length..].to_vec();
            if big_endian {
                bytes
            } else {
                bytes.into_iter().rev().collect()
            }
        };
        let (head, size) = if big {
            (16, 8 + 20 + 8)
        } else {
            (8, 2 + 12 + 4)
        };
        let mut file = if big_endian {
            b"MM".to_vec()
        } else {
            b"II".to_vec()
        };
        if big {
            file.extend(number(43, 2));
            file.extend(number(8, 2));
            file.extend(number(0, 2));
            file.extend(number(head, 8));
        } else {
            file.extend(number(42, 2));
            file.extend(number(head, 4));
        }
        for (index, kind) in (1..).zip(kinds) {
            let next = if index == kinds.len() as u64 {
                0
            } else {
                head + index * size
            };
            let (count, value, position) = if big { (8, 8, 8) } else { (2, 4, 4) };
            file.extend(number(1, count));
            file.extend(number(NEW_SUBFILE_TYPE, 2));
            file.extend(number(4, 2));
            file.extend(number(1, value));
            file.extend(number(u64::from(*kind), 4));
            file.extend(vec![0; value - 4]);
            file.extend(number(next, position));
        }
        file
    }

    fn count(file: &[u8]) -> usize {
        pages(&Bytes::copy_from_slice(file), 10)
            .expect("pages")
            .len()
    }

    #[test]
    fn each_page_becomes_the_first() {
        for (big_endian, big) in [(false, false), (true, false), (false, true), (true, true)] {
            let file = tiff(&[0, 2, 1, 0, 4], big_endian, big);
            let file = Bytes::from(file);
            let found = pages(&file, 10).expect("pages");
            // The third is a thumbnail, the fifth a mask.
            assert_eq!(found.len(), 3, "{big_endian} {big}");
            assert_eq!(found[0].bytes(), &file[..]);
            for (page, directory) in found.iter().zip([0, 1, 3]) {
                let bytes = page.bytes();
                let tiff = Tiff::of(&bytes).expect("a TIFF");
                let (head, size) = if big { (16, 36) } else { (8, 18) };
                let first = tiff.number(tiff.first_at() as u64, if big { 8 } else { 4 });
                assert_eq!(first, Some(head + directory * size));
            }
        }
    }

    #[test]
    fn what_is_no_document_is_one_page_as_it_is() {
        let one = tiff(&[0], false, false);
        let mut circle = tiff(&[0, 0], false, false);
        let end = circle.len();
        circle[end - 4..].copy_from_slice(&8_u32.to_le_bytes());
        assert_eq!((count(&one), count(&circle)), (1, 2));
        for file in [
            &b""[..],
            b"II*\0",
            b"\x89PNG",
            b"II*\0\xff\xff\xff\xff",
            &one[..12],
        ] {
            let file = Bytes::copy_from_slice(file);
            let found = pages(&file, 10).expect("pages");
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].bytes(), &file[..]);
        }
        // Cut off in the second directory: what there is of the first is shown.
        let two = tiff(&[0, 0], false, false);
        assert_eq!(count(&two[..two.len() - 10]), 1);
    }

    #[test]
    fn more_pages_than_allowed_are_refused() {
        let file = Bytes::from(tiff(&[0; 11], false, false));
        assert_eq!(pages(&file, 11).expect("pages").len(), 11);
        assert_eq!(
            pages(&file, 10).expect_err("refused").code,
            "batch_too_large"
        );
    }
}
