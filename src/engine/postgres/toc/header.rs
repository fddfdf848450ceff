//! The header: `ReadHead`.

use chrono::{NaiveDate, NaiveDateTime};
use tokio::io::AsyncBufRead;

use super::fields::Fields;
use super::{Compression, Format, Toc, TocError};

/// Major version of all formats since 1999.
const MAJOR: u8 = 1;
/// Minor versions that can be read: PostgreSQL 9.0 (1.12) to 18 (1.16).
const MINORS: std::ops::RangeInclusive<u8> = 12..=16;
/// From here on the compression is one byte that names the algorithm.
const COMPRESSION_NAMED: u8 = 15;

/// Reads the header; the entries are still to come.
pub(super) async fn header<R: AsyncBufRead + Unpin>(
    fields: &mut Fields<'_, R>,
) -> Result<Toc, TocError> {
    if fields.bytes(5).await? != b"PGDMP" {
        return Err(TocError::NotPgDump);
    }
    let version = version(fields).await?;
    fields.int_size = fields.byte().await?;
    fields.off_size = fields.byte().await?;
    if !(4..=8).contains(&fields.int_size) {
        return Err(fields.bad(format!("numbers of {} bytes", fields.int_size)));
    }
    if !matches!(fields.off_size, 4 | 8) {
        return Err(fields.bad(format!("offsets of {} bytes", fields.off_size)));
    }
    let format = format(fields.byte().await?)?;
    Ok(Toc {
        version,
        int_size: fields.int_size,
        off_size: fields.off_size,
        format,
        compression: compression(fields, version.1).await?,
        created: created(fields).await?,
        dbname: fields.printable("database name").await?,
        server_version: fields.printable("server version").await?,
        dump_version: fields.printable("pg_dump version").await?,
        entries: Vec::new(),
    })
}

async fn version<R: AsyncBufRead + Unpin>(
    fields: &mut Fields<'_, R>,
) -> Result<(u8, u8, u8), TocError> {
    let major = fields.byte().await?;
    let minor = fields.byte().await?;
    if major > MAJOR || (major == MAJOR && minor > *MINORS.end()) {
        return Err(TocError::TooNew { major, minor });
    }
    if major < MAJOR || minor < *MINORS.start() {
        return Err(TocError::TooOld { major, minor });
    }
    Ok((major, minor, fields.byte().await?))
}

/// `ArchiveFormat` of `pg_backup.h`.
fn format(byte: u8) -> Result<Format, TocError> {
    match byte {
        1 => Ok(Format::Custom),
        3 => Err(TocError::OtherFormat("tar".to_owned())),
        5 => Err(TocError::OtherFormat("directory".to_owned())),
        other => Err(TocError::OtherFormat(format!("unknown ({other})"))),
    }
}

async fn compression<R: AsyncBufRead + Unpin>(
    fields: &mut Fields<'_, R>,
    minor: u8,
) -> Result<Compression, TocError> {
    if minor < COMPRESSION_NAMED {
        // A level of zlib: 0 is none, -1 the default one.
        return match fields.int().await? {
            0 => Ok(Compression::None),
            -1 | 1..=9 => Ok(Compression::Gzip),
            level => Err(fields.bad(format!("the compression level {level}"))),
        };
    }
    match fields.byte().await? {
        0 => Ok(Compression::None),
        1 => Ok(Compression::Gzip),
        2 => Ok(Compression::Lz4),
        3 => Ok(Compression::Zstd),
        other => Err(fields.bad(format!("the unknown compression {other}"))),
    }
}

/// A `struct tm`: seconds, minutes, hours, day, month from 0, years since 1900, summer time.
async fn created<R: AsyncBufRead + Unpin>(
    fields: &mut Fields<'_, R>,
) -> Result<Option<NaiveDateTime>, TocError> {
    let mut tm = [0_i32; 7];
    for value in &mut tm {
        *value = fields.int().await?;
    }
    let [second, minute, hour, day, month, year, _summer] = tm;
    let date = || {
        NaiveDate::from_ymd_opt(
            year.checked_add(1900)?,
            u32::try_from(month.checked_add(1)?).ok()?,
            u32::try_from(day).ok()?,
        )?
        .and_hms_opt(
            u32::try_from(hour).ok()?,
            u32::try_from(minute).ok()?,
            // 60 is a leap second, which `chrono` writes otherwise.
            u32::try_from(second).ok()?.min(59),
        )
    };
    Ok(date())
}
