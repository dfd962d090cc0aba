//! What a program's file says of its addresses: which functions, files and lines they belong to.

use addr2line::Context;
use addr2line::gimli::{Dwarf, EndianSlice, LittleEndian, SectionId};
use object::{Object, ObjectSection, ObjectSegment};

/// An executable's debug information.
pub(crate) type Debug<'a> = Context<EndianSlice<'a, LittleEndian>>;

/// Reads the debug information of an executable; one that was built without any has none to find.
pub(crate) fn debug(executable: &[u8]) -> Result<Debug<'_>, String> {
    let file = object::File::parse(executable).map_err(|error| error.to_string())?;
    let section = |id: SectionId| -> Result<_, addr2line::gimli::Error> {
        let bytes = file.section_by_name(id.name()).and_then(|section| section.data().ok()).unwrap_or_default();
        Ok(EndianSlice::new(bytes, LittleEndian))
    };
    let dwarf = Dwarf::load(section).map_err(|error| error.to_string())?;
    Context::from_dwarf(dwarf).map_err(|error| error.to_string())
}

/// The address that an executable gives to its first byte: what lies there in a process lies elsewhere by as much as this is
/// off.
pub(crate) fn first_address(executable: &[u8]) -> Option<u64> {
    object::File::parse(executable).ok()?.segments().next().map(|segment| segment.address())
}
