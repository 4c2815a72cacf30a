//! The store, and a call of one of its ports.

use pledge_core::admission::Admitted;
use pledge_core::error::StoreError;

use crate::connection::Connection;
use crate::database::{Access, Database, SchemaVersion, Transaction};
use crate::fault::Fault;
use crate::load::{LoadMeter, StoreLoad, UnderWay};
use crate::outside::{CallerBounds, Entrance, Outside, ReaderBounds};
use crate::schema::Fence;

/// The ledger and the points of any number of chains, and what happened to both, in one database.
///
/// A rewind takes back ledger and points, and records its event, in one transaction. A clone is
/// another handle to the same connections.
#[derive(Debug, Clone)]
pub struct SqlStore<D> {
    database: D,
    fence: Fence,
    /// What calls from outside take first, in a handle for them.
    entrance: Option<Entrance>,
    /// Through which a handle for callers reads.
    reading: Option<Box<Self>>,
    /// The databases of handles for readers, which are closed with this one.
    outside: Outside<D>,
    meter: LoadMeter,
}

impl<D> SqlStore<D> {
    /// The store in a database that is open already.
    pub fn over(database: D) -> Self {
        let (fence, outside) = (Fence::default(), Outside::default());
        let (entrance, reading) = (None, None);
        Self { database, fence, entrance, reading, outside, meter: LoadMeter::default() }
    }

    /// How busy its connections are, those of readers outside not counted.
    pub fn load(&self) -> StoreLoad {
        self.meter.load()
    }
}

impl<D: Database> SqlStore<D> {
    /// Opens the database at a location and brings its schema up to date.
    ///
    /// `Invalid` for a location that cannot be a database of pledge, a database of another program,
    /// or one written by a newer version; `Unavailable` if it cannot be reached now.
    pub async fn open(location: &str) -> Result<Self, StoreError> {
        let opened = D::open(location).await;
        let database = opened.map_err(|fault| fault.during("open the database"))?;
        Ok(Self::over(database))
    }

    /// Opens a database for reading alone and returns the version of its schema, which stays as it
    /// is: where it is not current, reads may fail. Writes fail.
    ///
    /// `Invalid` as for [`SqlStore::open`], and where there is no database.
    pub async fn open_read_only(location: &str) -> Result<(Self, SchemaVersion), StoreError> {
        let opened = D::open_read_only(location).await;
        let (database, version) = opened.map_err(|fault| fault.during("look at the database"))?;
        Ok((Self::over(database), version))
    }

    /// Another handle to the same store, within bounds and over connections of its own, which are
    /// closed with those of this one.
    pub(crate) fn outside(&self, bounds: ReaderBounds) -> Result<Self, StoreError> {
        let opened = self.outside.open(|| self.database.for_readers(bounds.connections));
        let database = opened.map_err(|fault| fault.during("open the store for readers"))?;
        let (fence, entrance) = (self.fence.clone(), Some(Entrance::new(bounds)));
        let (outside, meter) = (Outside::default(), LoadMeter::default());
        Ok(Self { database, fence, entrance, reading: None, outside, meter })
    }

    /// Another handle to the same store for those who sign in and act from outside, of whom there may be any number,
    /// also of those who only try: it reads over connections of its own, which are closed with those of this one,
    /// and writes over those of this one, a bounded number at once. Beyond the bounds a call is `Busy`.
    ///
    /// `Unavailable` once this store is closed.
    pub fn for_callers(&self, bounds: CallerBounds) -> Result<Self, StoreError> {
        let reading = Some(Box::new(self.outside(bounds.reads)?));
        let entrance = Some(Entrance::new(bounds.writes));
        Ok(Self { entrance, reading, ..self.clone() })
    }

    /// Waits for the calls under way, also those of readers outside, and closes every connection.
    pub async fn close(&self) {
        for readers in self.outside.close() {
            readers.close().await;
        }
        self.database.close().await;
    }

    /// Whether the database is still the one that was opened: a file may be deleted or replaced, and a
    /// newer release may change the schema, which the next write finds. `Unavailable` if not; then every
    /// write is refused, and only opening again helps, by that release where it is the schema.
    ///
    /// A change that is only begun refuses writes and is no error here: it may be withdrawn, however long it
    /// waits for what others hold, and then writes go on.
    pub async fn check(&self) -> Result<(), StoreError> {
        // A server that is away now is not lost, and is asked again.
        if self.fence.is_in_doubt()
            && let Err(error) = self.look_again().await
        {
            tracing::debug!(%error, "a change of the schema was begun");
        }
        let checked = self.database.check().await.and_then(|()| self.fence.check());
        checked.map_err(|fault| fault.during("check the database"))
    }

    /// Looks what has become of a change of the schema that was only begun.
    async fn look_again(&self) -> Result<(), StoreError> {
        let mut call = self.read_once("check the database").await?;
        let looked = self.fence.look(call.db()).await.map(drop);
        call.finish(looked).await
    }

    pub(crate) async fn write(&self, operation: &'static str) -> Result<Call, StoreError> {
        let mut call = self.begin(Access::Write, operation).await?;
        match self.fence.pass(call.db()).await {
            Ok(()) => Ok(call),
            Err(fault) => call.finish(Err(fault)).await,
        }
    }

    pub(crate) async fn read(&self, operation: &'static str) -> Result<Call, StoreError> {
        self.reading().begin(Access::Read, operation).await
    }

    pub(crate) async fn read_once(&self, operation: &'static str) -> Result<Call, StoreError> {
        self.reading().begin(Access::ReadOnce, operation).await
    }

    fn reading(&self) -> &Self {
        self.reading.as_deref().unwrap_or(self)
    }

    async fn begin(&self, access: Access, operation: &'static str) -> Result<Call, StoreError> {
        let begun = async {
            let waiting = self.meter.waits();
            let admitted = match &self.entrance {
                Some(entrance) => {
                    Some(entrance.admit().await.inspect_err(|_| self.meter.refuses())?)
                }
                None => None,
            };
            let unit = self.database.begin(access).await?;
            drop(waiting);
            let under_way = self.meter.begins();
            Ok(Call { unit, operation, _under_way: under_way, _admitted: admitted })
        };
        begun.await.map_err(|fault: Fault| fault.during(operation))
    }
}

/// A call of a port, under way.
#[derive(Debug)]
pub(crate) struct Call {
    unit: Box<dyn Transaction>,
    operation: &'static str,
    _under_way: UnderWay,
    /// The turn of a reader outside, until the call has ended.
    _admitted: Option<Admitted>,
}

impl Call {
    pub(crate) fn db(&mut self) -> &mut dyn Connection {
        &mut *self.unit
    }

    /// Commits what succeeded; takes back what failed.
    pub(crate) async fn finish<T>(self, outcome: Result<T, Fault>) -> Result<T, StoreError> {
        let Self { unit, operation, _under_way, _admitted } = self;
        let ended = match outcome {
            Ok(answer) => unit.commit().await.map(|()| answer),
            Err(fault) => {
                unit.roll_back(fault.kind()).await;
                Err(fault)
            }
        };
        ended.map_err(|fault| fault.during(operation))
    }
}
