//! `mount_setattr`: flags and id mappings of mounts.

use std::{
    ffi::c_long,
    io, mem,
    os::fd::{AsRawFd, BorrowedFd},
    ptr,
};

/// Flags of a mount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Nothing can be written.
    pub read_only: bool,
    /// Set-user-id and file capabilities have no effect.
    pub no_suid: bool,
    /// Device files cannot be opened.
    pub no_dev: bool,
    /// Nothing can be executed.
    pub no_exec: bool,
}

impl Attributes {
    fn bits(self) -> u64 {
        let flag = |set, bit| if set { bit } else { 0 };
        flag(self.read_only, libc::MOUNT_ATTR_RDONLY)
            | flag(self.no_suid, libc::MOUNT_ATTR_NOSUID)
            | flag(self.no_dev, libc::MOUNT_ATTR_NODEV)
            | flag(self.no_exec, libc::MOUNT_ATTR_NOEXEC)
    }
}

/// Whether mounts below are meant too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This mount only.
    One,
    /// This mount and every one below it.
    Tree,
}

/// Sets flags, beside those that are set already.
///
/// # Errors
/// `EPERM` where the caller may not change the mount, `ENOSYS` before Linux 5.12.
pub fn set_attributes(
    mount: BorrowedFd<'_>,
    attributes: Attributes,
    reach: Reach,
) -> io::Result<()> {
    // SAFETY: `mount_attr` is plain integers, for which all zeroes is a value.
    let mut request: libc::mount_attr = unsafe { mem::zeroed() };
    request.attr_set = attributes.bits();
    mount_setattr(mount, &request, reach)
}

/// Takes the read-only flag from a mount; the file system below may have its own.
///
/// # Errors
/// As [`set_attributes`].
pub fn make_writable(mount: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: `mount_attr` is plain integers, for which all zeroes is a value.
    let mut request: libc::mount_attr = unsafe { mem::zeroed() };
    request.attr_clr = libc::MOUNT_ATTR_RDONLY;
    mount_setattr(mount, &request, Reach::One)
}

/// Makes every mount of a tree private: nothing that happens below it reaches
/// another mount namespace, or comes from there.
///
/// # Errors
/// As [`set_attributes`].
pub fn make_private(mount: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: `mount_attr` is plain integers, for which all zeroes is a value.
    let mut request: libc::mount_attr = unsafe { mem::zeroed() };
    request.propagation = libc::MS_PRIVATE;
    mount_setattr(mount, &request, Reach::Tree)
}

/// Shows a detached mount's files as owned through a user namespace's id mapping.
///
/// # Errors
/// `EINVAL` where the file system has no such support, `EPERM` without
/// `CAP_SYS_ADMIN` over it.
pub fn map_ids(mount: BorrowedFd<'_>, user_namespace: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: `mount_attr` is plain integers, for which all zeroes is a value.
    let mut request: libc::mount_attr = unsafe { mem::zeroed() };
    request.attr_set = libc::MOUNT_ATTR_IDMAP;
    request.userns_fd = u64::from(user_namespace.as_raw_fd().unsigned_abs());
    mount_setattr(mount, &request, Reach::Tree)
}

fn mount_setattr(
    mount: BorrowedFd<'_>,
    request: &libc::mount_attr,
    reach: Reach,
) -> io::Result<()> {
    let tree = if reach == Reach::Tree { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty C string (the descriptor is the mount), and the
    // kernel reads `size_of` bytes of `request`, which lives until it returns.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd() as c_long,
            c"".as_ptr(),
            (libc::AT_EMPTY_PATH | tree) as c_long,
            ptr::from_ref(request),
            mem::size_of::<libc::mount_attr>(),
        )
    };
    crate::checked(result).map(drop)
}
