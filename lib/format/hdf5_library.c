/* SPDX-License-Identifier: Apache-2.0 */
/* Loading libhdf5, and its driver for a file of which there is a descriptor alone. */
#include "format/hdf5_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* The name by which the driver knows its file. It is absolute, so that nobody asks where we are. */
static const char file_name_of_driver[] = "/checkpoint.h5";

/* Bytes, as the library counts them: what they take in memory is several times as much. */
enum { CACHE_MIN = 1 << 20, CACHE_MAX = 4 << 20 };

/*
 * Of unpacked chunks of one data set: a row of them that fits is unpacked once. Where it is to
 * forget those first that were read as a whole, with 1.0, it never forgets any other.
 */
enum { CHUNKS_BYTES = 16 << 20, CHUNKS_SLOTS = 20011 };
#define CHUNKS_READ_FIRST 0.75

/* H5F_ACC_RDONLY, RDWR and CREAT, which the header spells as calls into the library. */
enum { ACCESS_READ = 0, ACCESS_MORE = 0x01 | 0x10 };

/* What a libhdf5 of the version of the headers is called, on Debian and elsewhere. */
static const char *const library_names[] = {
#if H5_VERSION_GE(1, 13, 0)
	"libhdf5_serial.so.310", "libhdf5.so.310", "libhdf5.so.320",
#elif H5_VERSION_GE(1, 11, 0)
	"libhdf5_serial.so.200", "libhdf5.so.200",
#else
	"libhdf5_serial.so.103", "libhdf5.so.103",
#endif
};

static struct hdf5_library library;
static bool is_loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Stores the address of a function of the library; POSIX lets one be kept in a void pointer. */
static bool find(void *place, void *handle, const char *name)
{
	void *found = dlsym(handle, name);

	memcpy(place, &found, sizeof(found));
	return found != NULL;
}

#define TEXT_OF(x) #x
#define NAME_OF(x) TEXT_OF(x)

static bool find_all(void *handle)
{
	unsigned major = 0, minor = 0, release = 0;
	bool all = true;

#define F(name) all &= find(&library.name, handle, NAME_OF(name));
	HDF5_FUNCTIONS(F)
#undef F
	all &= find(&library.file_access, handle, "H5P_CLS_FILE_ACCESS_ID_g");
	all &= find(&library.c_string, handle, "H5T_C_S1_g");
	return all && library.H5get_libversion(&major, &minor, &release) >= 0 &&
	       major == H5_VERS_MAJOR && minor == H5_VERS_MINOR;
}

static void load(void)
{
	for (size_t i = 0; i < sizeof(library_names) / sizeof(library_names[0]); i++) {
		void *handle = dlopen(library_names[i], RTLD_NOW | RTLD_LOCAL);

		if (!handle)
			continue;
		is_loaded = find_all(handle);
		return;
	}
}

enum wm_code hdf5_library_load(const struct hdf5_library **out, struct wm_error *err)
{
	pthread_once(&once, load);
	if (!is_loaded)
		return fail(err, REASON_HDF5_LIBRARY, "there is no %s of version %d.%d",
			    library_names[0], H5_VERS_MAJOR, H5_VERS_MINOR);
	*out = &library;
	return WM_OK;
}

/* --- the driver ---------------------------------------------------------------------- */

/* The one file of a child. */
static struct {
	H5FD_t public; /* first: what the library has is a pointer to it */
	struct window view;
	haddr_t end; /* of what the library uses of it */
	enum reason failure;
} file;

static H5FD_t *open_file(const char *name, unsigned flags, hid_t access, haddr_t most)
{
	(void)access, (void)most;
	if (strcmp(name, file_name_of_driver) != 0 || flags & ACCESS_MORE)
		return NULL;
	return &file.public;
}

static herr_t close_file(H5FD_t *f)
{
	(void)f;
	return 0;
}

static herr_t query(const H5FD_t *f, unsigned long *flags)
{
	(void)f;
	*flags = 0;
	return 0;
}

static haddr_t get_end(const H5FD_t *f, H5FD_mem_t type)
{
	(void)f, (void)type;
	return file.end;
}

static herr_t set_end(H5FD_t *f, H5FD_mem_t type, haddr_t end)
{
	(void)f, (void)type;
	file.end = end;
	return 0;
}

static haddr_t get_size(const H5FD_t *f, H5FD_mem_t type)
{
	(void)f, (void)type;
	return file.view.size;
}

static herr_t read_file(H5FD_t *f, H5FD_mem_t type, hid_t transfer, haddr_t off, size_t len,
			void *out)
{
	size_t done = 0;

	(void)f, (void)type, (void)transfer;
	if (off > file.view.size || len > file.view.size - off)
		return -1;
	while (done < len) {
		uint8_t *at = (uint8_t *)out + done;
		const off_t from = (off_t)(file.view.off + off + done);
		ssize_t n = pread(file.view.fd, at, len - done, from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			file.failure = n < 0 ? REASON_READ_FAILED : REASON_FILE_CHANGED;
			return -1;
		}
		done += (size_t)n;
	}
	return 0;
}

static herr_t write_file(H5FD_t *f, H5FD_mem_t type, hid_t transfer, haddr_t off, size_t len,
			 const void *data)
{
	(void)f, (void)type, (void)transfer, (void)off, (void)len, (void)data;
	return -1;
}

static const H5FD_class_t driver = {
#if H5_VERSION_GE(1, 13, 0)
	.version = H5FD_CLASS_VERSION,
	.value = (H5FD_class_value_t)512, /* of those for drivers in trial */
#endif
	.name = "weightmark",
	.maxaddr = INT64_MAX,
	.fc_degree = H5F_CLOSE_WEAK,
	.open = open_file,
	.close = close_file,
	.query = query,
	.get_eoa = get_end,
	.set_eoa = set_end,
	.get_eof = get_size,
	.read = read_file,
	.write = write_file,
	.fl_map = H5FD_FLMAP_DICHOTOMY,
};

bool hdf5_library_start(const struct window *view)
{
	file.view = *view;
	return library.H5open() >= 0 && library.H5Eset_auto2(H5E_DEFAULT, NULL, NULL) >= 0 &&
	       library.H5PLset_loading_state(0) >= 0;
}

/* Makes the library keep less of what it decoded: left alone it takes 150 MiB of a large file. */
static bool limit_caches(hid_t access)
{
	H5AC_cache_config_t c = { .version = H5AC__CURR_CACHE_CONFIG_VERSION };

	if (library.H5Pget_mdc_config(access, &c) < 0)
		return false;
	c.set_initial_size = 1;
	c.initial_size = c.min_size = CACHE_MIN;
	c.max_size = CACHE_MAX;
	return library.H5Pset_mdc_config(access, &c) >= 0 &&
	       library.H5Pset_cache(access, 0, CHUNKS_SLOTS, CHUNKS_BYTES,
				    CHUNKS_READ_FIRST) >= 0;
}

hid_t hdf5_library_open_file(void)
{
	const hid_t access = library.H5Pcreate(*library.file_access);
	const hid_t id = library.H5FDregister(&driver);

	if (access < 0 || id < 0 || library.H5Pset_driver(access, id, NULL) < 0 ||
	    !limit_caches(access))
		return -1;
	return library.H5Fopen(file_name_of_driver, ACCESS_READ, access);
}

bool hdf5_library_part(struct window *out, uint64_t off, uint64_t len)
{
	const struct window *view = &file.view;

	if (off > view->size || len > view->size - off)
		return false;
	*out = (struct window){ .fd = view->fd, .off = view->off + off, .size = len,
				.name = view->name };
	return true;
}

enum reason hdf5_library_read_failure(void)
{
	return file.failure;
}
